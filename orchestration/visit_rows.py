"""What the records of visits say to whoever draws them. Pure."""

import re
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import unquote

NODE = re.compile(r"[^\[\]:#!~]+")
BELOW = "/[:!~"
OWNER = re.compile(r"(?P<path>.*?)(?:\[\d+\]|:[^/]*)$")


class VisitRow(Protocol):
    """One entry into a node, as recorded."""

    @property
    def path(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def pos(self) -> int: ...
    @property
    def node_id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def next_node(self) -> str: ...
    @property
    def error(self) -> Any: ...
    @property
    def data(self) -> Any: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


class WaitRow(Protocol):
    """What an open visit waits for."""

    @property
    def path(self) -> str: ...
    @property
    def kind(self) -> str: ...


class EventRow(Protocol):
    """One event of the run, in order of numbers."""

    @property
    def event_type(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def step_id(self) -> str: ...
    @property
    def attempt(self) -> int | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def payload(self) -> Any: ...


def failed(visit: VisitRow) -> bool:
    """Whether a done visit went wrong: it ended in an error (also one that a route caught), or ended the run failed."""
    if visit.outcome == "end":
        return bool(((visit.data or {}).get("end") or {}).get("status") == "failed")
    return visit.error is not None and visit.outcome != "retry"


def holds(place: str, path: str) -> bool:
    """Whether a path is that of a visit or region, or below it."""
    return path == place or (path.startswith(place) and path[len(place)] in BELOW)


def owner_of(region: str) -> str:
    """The path of the visit that owns a region: `loop` of `loop[3]`, `a/fork` of `a/fork:left`."""
    match = OWNER.match(region)
    return match["path"] if match else ""


def visit_of(path: str) -> str:
    """The path of the visit that a step belongs to, also one that recovers from it or undoes it."""
    return re.split("[!~]", path, maxsplit=1)[0]


def node_of(path: str) -> str:
    """The id of the node that a path of a visit or region leads to."""
    match = NODE.match(path.rpartition("/")[2])
    return unquote(match[0]) if match else ""
