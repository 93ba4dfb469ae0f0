"""What a drive writes: rows as plain values, and a batch of them that goes out in one statement."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from orchestration.runtime.outcomes import Json

_UNSTORABLE: Final = re.compile(r"\\u0000|\\ud[89a-f]", re.IGNORECASE)
_PAIR: Final = re.compile(r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", re.IGNORECASE)


class NotStorable(ValueError):
    """The value is not JSON that the database can hold."""


class Fenced(Exception):
    """Another worker holds the run now: nothing more may be written."""


_encode: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def to_json(value: Json) -> str:
    """JSON text of a value. Raises `NotStorable` for what is not JSON, NUL characters and lone surrogates."""
    if type(value) is int:
        return int.__repr__(value)
    try:
        text = _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotStorable(f"The value is not JSON: {error}") from None
    if "\\u" in text and _UNSTORABLE.search(_PAIR.sub("", text)):
        raise NotStorable("A text holds a NUL character or half a surrogate pair.")
    return text


def moment(at: datetime) -> str:
    """A time as both databases read it: UTC, without a zone."""
    text = (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(" ", "microseconds")
    return text.partition("+")[0]


class VisitRow(NamedTuple):
    """A visit to be stored; the JSON parts are texts already."""

    path: str
    region: str
    pos: int
    node_id: str
    state: str
    outcome: str
    changes: str
    next_node: str
    error: str | None
    data: str | None
    started_at: str
    ended_at: str | None


class StepRow(NamedTuple):
    """A step to be stored."""

    path: str
    step_id: str
    node_id: str
    action: str
    state: str
    attempt: int
    retries: int
    key: str
    params: str | None
    result: str | None
    error: str | None
    started_at: str
    duration_ms: float | None
    agent: str = ""
    irreversible: bool = False


class WaitRow(NamedTuple):
    """A wait to be stored as open."""

    path: str
    step_id: str
    kind: str
    ref: str
    since: str
    until: str | None
    needs: str | None = None


class Spent(NamedTuple):
    """What calls of models used; the cost in USD is none where no price is known."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None

    def and_also(self, other: "Spent") -> "Spent":
        """Both together."""
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        prompt, completion = self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens
        return Spent(prompt, completion, sum(costs, Decimal(0)) if costs else None)


class ArtifactRow(NamedTuple):
    """An artifact to be stored; its file is in the storage already. Ids are hex."""

    id: str
    tenant_id: str
    path: str
    step_id: str
    node_id: str
    kind: str
    name: str
    uri: str
    file: str
    mime_type: str
    size_bytes: int
    sha256: str
    classification: str
    created_at: str


class EventRow(NamedTuple):
    """An event to be stored; its number comes from the run's row."""

    created_at: str
    event_type: str
    node_id: str
    step_id: str
    path: str
    attempt: int | None
    payload: str


@dataclass(slots=True)
class Batch:
    """Everything that goes out together. A visit or step that is written twice goes out once, as it is last."""

    visits: dict[str, VisitRow] = field(default_factory=dict)
    steps: dict[tuple[str, str], StepRow] = field(default_factory=dict)
    waits: list[WaitRow] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    artifacts: list[ArtifactRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    last_node_id: str = ""
    last_step_id: str = ""
    spent: Spent | None = None

    def __bool__(self) -> bool:
        return bool(self.visits or self.steps or self.waits or self.closed or self.artifacts or self.events)

    def __len__(self) -> int:
        return len(self.visits)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends; the JSON parts are texts already."""

    status: str
    output_vars: str | None
    error: str | None
    error_class: str
    recovered_via: str


@dataclass(frozen=True, slots=True)
class Written:
    """What the run's row said when a batch was written."""

    last_seq: int
    cancel_requested: bool


Answer = Callable[[], Written]
"""Waits until a batch that was sent is written. Raises `Fenced`, or what the database raises."""
