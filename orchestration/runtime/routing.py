"""Where a visit's outcome leads inside its region (runtime 5, 11). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.runtime.outcomes import Done, End, Error, Fail, Goto, Json, Outcome, RegionEnd, error_from_json
from orchestration.runtime.state import VisitRecord
from procedures.ckp.document import Node
from procedures.ckp.regions import MAIN, Region


@dataclass(frozen=True, slots=True)
class Route:
    """How a visit is recorded: its outcome, the next node ("" for none), and the error that it had."""

    outcome: str
    next_node: str = ""
    error: Error | None = None
    end: End | None = None


def route(outcome: Outcome, node: Node, *, recovery: str | None) -> Route:
    """What follows an outcome. `recovery` is the document's on_failure, where it may still be taken from here."""
    if isinstance(outcome, Done):
        return Route("done", node.next_node or "")
    if isinstance(outcome, Goto):
        return Route("retry" if outcome.retry else "goto", outcome.node or "", outcome.error)
    if isinstance(outcome, End):
        return Route("end", end=outcome)
    if isinstance(outcome, Fail):
        return _failed(outcome.error, node, recovery)
    raise TypeError(f"{outcome} is no end of a visit")


def _failed(error: Error, node: Node, recovery: str | None) -> Route:
    if node.on_error and "on_error" not in node.WITHOUT_EFFECT and error.error_class != "run_timeout":
        return Route("goto", node.on_error, error)
    if recovery:
        return Route("recover", recovery, error)
    return Route("fail", "", error)


def end_of(region: Region, last: VisitRecord, changes: dict[str, Json]) -> RegionEnd | None:
    """How the region ended with its last visit; none when it goes on at that visit's next node."""
    if last.outcome == "fail":
        return RegionEnd("failed", changes, error=error_from_json(last.error or {}))
    if last.outcome == "end":
        return RegionEnd("run_ended", changes, end=end_from_json((last.data or {})["end"]))
    return left(region, last.next_node, changes)


def left(region: Region, target: str, changes: dict[str, Json]) -> RegionEnd | None:
    """How a region ends by going to `target`, none when that is one of its own nodes.

    Raises `ForeignNode` for a node of another region.
    """
    if not target or (region.owner != MAIN and target == region.owner):
        return RegionEnd("ended", changes)
    if region.owner != MAIN and target == region.join:
        return RegionEnd("left", changes)
    if target not in region.members:
        raise ForeignNode(target)
    return None


class ForeignNode(Exception):
    """A route leads to a node that is not in the region."""


def end_as_json(end: End) -> dict[str, Any]:
    """The end of a run as it stands among the facts of its visit."""
    place = {"path": end.path, "node_id": end.node_id}
    shown = {"status": end.status, "outputs": end.outputs, "message": end.message, **place}
    return {"end": shown if end.compensate is None else shown | {"compensate": end.compensate}}


def end_from_json(value: Mapping[str, Any]) -> End:
    """The end of a run that a visit recorded."""
    return End(
        value["status"],
        value["outputs"],
        value["message"],
        value.get("compensate"),
        value.get("path", ""),
        value.get("node_id", ""),
    )
