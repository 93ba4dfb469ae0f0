"""What a visit ends with, what it may wait for, and what may go wrong in it (runtime 5 and 11). Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

Json: TypeAlias = Any
RunEnd: TypeAlias = Literal["completed", "failed"]
ERROR: Final = "error"
"""The variable that a route out of a failure sets."""


@dataclass(frozen=True, slots=True)
class Error:
    """A failure, its class out of runtime 11, and where it happened.

    `retryable` is what whoever failed says of trying again; none leaves it to the class.
    """

    error_class: str
    message: str
    error_type: str = ""
    code: str = ""
    http_status: int | None = None
    node_id: str = ""
    step_id: str = ""
    path: str = ""
    attempt: int | None = None
    agent: str = ""
    retryable: bool | None = None
    retry_after: float | None = None
    details: Mapping[str, Json] = field(default_factory=dict)
    metadata: Json = None

    def as_json(self) -> dict[str, Json]:
        """The error as it is recorded and as documents see it; `class` is its class."""
        parts = asdict(self)
        return {"class": parts.pop("error_class"), **parts, "details": dict(self.details)}

    def placed(self, *, node_id: str, path: str, step_id: str = "", attempt: int | None = None) -> "Error":
        """The same error with its place; what is known already stays."""
        return replace(
            self,
            node_id=self.node_id or node_id,
            path=self.path or path,
            step_id=self.step_id or step_id,
            attempt=self.attempt if self.attempt is not None else attempt,
        )


def error_from_json(value: Mapping[str, Json]) -> Error:
    """The recorded error."""
    parts = dict(value)
    return Error(error_class=parts.pop("class"), **parts)


@dataclass(frozen=True, slots=True)
class NewWait:
    """Something a visit waits for; `until` is when it is over at the latest."""

    kind: str
    ref: str
    step_id: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """On to the node's `next_node`, or the end of the region."""


@dataclass(frozen=True, slots=True)
class Goto:
    """On to another node; none ends the region. With `error` out of a failure, with `retry` back for another try."""

    node: str | None
    error: Error | None = None
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """The same visit again, when something that it waits for is answered. The waits are recorded already."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The visit failed; the failure chain decides what follows."""

    error: Error


@dataclass(frozen=True, slots=True)
class End:
    """The run ends, wherever the visit stands."""

    status: RunEnd
    outputs: dict[str, Json] | None = None
    message: str = ""
    compensate: bool | None = None
    path: str = ""
    node_id: str = ""


Outcome: TypeAlias = Done | Goto | Wait | Fail | End


class StepFailed(Exception):
    """A step failed for good, its own retries used up."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


class Suspended(Exception):
    """A step waits: the visit ends with `Wait`."""


@dataclass(frozen=True, slots=True)
class RegionEnd:
    """How a region ended: `changes` are the variables it set.

    ended: it came to its owner, its join or nothing. left: a loop's body reached the loop's `next_node`. parked: it
    waits. failed, run_ended: with `error` or `end`. stopped: its owner decided without it.
    """

    kind: Literal["ended", "left", "parked", "failed", "run_ended", "stopped"]
    changes: dict[str, Json] = field(default_factory=dict)
    error: Error | None = None
    end: End | None = None

    @property
    def kept(self) -> dict[str, Json]:
        """What outlives the region: not the `error` that a route inside it set."""
        return {name: value for name, value in self.changes.items() if name != ERROR}

    @property
    def shown(self) -> dict[str, Json]:
        """The variables of the document among what it set."""
        return {name: value for name, value in self.kept.items() if not name.startswith("__")}

    @property
    def succeeded(self) -> bool:
        """Whether the region did all it had to do."""
        return self.kind in ("ended", "left")
