"""What an executor may ask of the engine. Pure: executors see this Protocol and the outcomes, nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from orchestration.runtime.outcomes import Error, Json, RegionEnd
from procedures.ckp.document import (
    Document,
    HumanApprovalNode,
    Operation,
    Step,
    StepValidation,
    SubflowNode,
    Transformation,
)

Place = str | int


@dataclass(frozen=True, slots=True)
class Answer:
    """A closed wait of this visit."""

    state: str
    answer: Json


@dataclass(frozen=True, slots=True)
class BranchStart:
    """A branch of a parallel: its id and where it begins."""

    branch_id: str
    entry: str


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a model is told: as it goes out, and as it may be shown, with what is sensitive masked."""

    value: Json
    shown: Json


@dataclass(frozen=True, slots=True)
class File:
    """An artifact of the run, read."""

    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a talk with a model; `content` holds a text, or parts of texts and pictures."""

    role: str
    content: Told


@dataclass(frozen=True, slots=True)
class StandIn:
    """What stands in for a call in a test or dry run. A stub is nothing that anybody answered."""

    result: Json
    is_stub: bool


@dataclass(frozen=True, slots=True)
class Child:
    """A run that a visit started: how it ended; `status` is empty while it is at work.

    One that could not be started has failed, without a `run_id`.
    """

    run_id: str
    procedure_id: str = ""
    version: str = ""
    status: str = ""
    outputs: Mapping[str, Json] = field(default_factory=dict)
    error: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """Another try after a delay in milliseconds; `strategy` is how that grows."""

    delay: float
    strategy: str


class Context(Protocol):
    """One visit, as its executor sees it.

    `variables` are the variables as they are now, the node's own inputs among them; `facts` is what an earlier entry
    of the same visit kept. Evaluating raises `EvaluationError`; `place` is where a text stands below the node.
    """

    @property
    def document(self) -> Document: ...
    @property
    def node_id(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def variables(self) -> Mapping[str, Json]: ...
    @property
    def facts(self) -> Mapping[str, Json]: ...

    @property
    def most_iterations(self) -> int:
        """The system's limit on a loop's iterations."""

    @property
    def retries(self) -> int:
        """How often this node sent its region back by a retry."""

    def look_at_work(self) -> None:
        """A boundary in the midst of the node's work: raises when the visit may not go on.

        What is not to be done again by a later entry has been kept or noted before.
        """

    def expression(self, source: Json, *place: Place, local: Mapping[str, Json] = ...) -> Json:
        """The value of an expression; `local` binds further names."""

    def condition(self, source: Json, *place: Place, local: Mapping[str, Json] = ...) -> bool:
        """Whether a condition is true; `local` binds further names."""

    def value(self, source: Json, *place: Place) -> Json:
        """A value with its placeholders filled, deep."""

    def text(self, source: str, *place: Place) -> str:
        """The text of a prompt template."""

    def given(self, source: Json, *place: Place) -> Json:
        """As `value`; but a text that is exactly the name of a defined variable means the variable."""

    def write(self, name: str, value: Json) -> None:
        """Set a variable."""

    def masked(self, name: str | None, value: Json) -> Json:
        """The value of a variable as events may show it; without a name the value alone decides."""

    def keep(self, facts: Mapping[str, Json]) -> None:
        """Add facts for a later entry of this visit; they go out with the next write."""

    def note(self, name: str, number: int) -> None:
        """Add a fact for a later entry of this visit; it goes out when the visit is stored the next time."""

    def emit(self, event_type: str, payload: Mapping[str, Any], step_id: str = "", attempt: int | None = None) -> None:
        """Record an event of this visit."""

    def step(self, step: Step, *place: Place, handled: int = 0) -> Json:
        """Carry out a step, or take its recorded result. Raises `StepFailed`, `Suspended`.

        `handled` is the last attempt whose failure a handler answered with another try.
        """

    def check(self, validation: StepValidation, check_id: str, *place: Place) -> Json:
        """What the node's agent answers to a check. Raises `StepFailed`, `Suspended`."""

    def picture(self, error: Error) -> None:
        """Ask the agent where an error happened for a picture, unless that was done when it happened."""

    def transform(self, transformations: Sequence[Transformation]) -> None:
        """Carry out transformations: all of them or none. Raises `OperationError`."""

    def operation(self, operation: Operation, *place: Place) -> Json:
        """Carry out an operation of a processing node. Raises `StepFailed`."""

    def about(self, error: Error | None) -> None:
        """From now on texts see this as `error`; with none, what an error route set, if anything."""

    def recover(self, steps: Sequence[Step], handler: int, act: int, *place: Place) -> None:
        """Carry out a handler's recovery steps, recorded for its `act`-th time. Raises `StepFailed`, `Suspended`."""

    def mapped(self, source: str, result: Json, *place: Place, from_model: bool = False) -> Json:
        """The part of a result that a mapping takes. Raises `OperationError`."""

    @property
    def most_repairs(self) -> int:
        """The system's limit on how often a model is told what is wrong with its answer."""

    def prompt(self, source: str, *place: Place) -> Told:
        """The text of a prompt template for a model."""

    def attached(self, source: Json, *place: Place) -> Told:
        """A value that goes to a model beside the prompt, as `given`; a `File` where it names an artifact.

        Raises `StepFailed` where that cannot be read.
        """

    def model(self, turns: Sequence[Turn], number: int) -> Told:
        """What the model answers to these turns, the `number`-th question of this visit (from 1), or answered before.

        Raises `StepFailed`, `Suspended`.
        """

    def stand_in(self) -> StandIn | None:
        """What stands in for this node's calls of a model, if anything does."""

    def pause(self, ref: str, milliseconds: float) -> None:
        """Let a retry's delay pass, once per `ref`. Raises `Suspended`."""

    def assumes(self, *place: Place) -> bool:
        """Whether what stands at a place of the node reads what a dry run put in place of a result."""

    def assumed(self, *place: Place) -> Json:
        """What stands for a value at such a place; none anywhere else."""

    def read_by(self, source: Json) -> dict[str, Json]:
        """The variables that a condition reads, with their values."""

    def approval(self, node: HumanApprovalNode) -> Answer | None:
        """The answer to this visit's question; none while it is open, after asking it the first time."""

    def override(self) -> StandIn | None:
        """What stands in for the node's result, where the run's test data names the node."""

    def child(self) -> Child | None:
        """The run that this visit started last, none when it has to start one."""

    def start_child(self, node: SubflowNode, given: Mapping[str, Json]) -> Child:
        """Start the run that a subflow names, with the inputs that are `given`.

        Raises `StepFailed`: subflow_contract, subflow_recursion, invalid_value.
        """

    def output(self, source: Json, outputs: Mapping[str, Json], *place: Place) -> Json:
        """The value of an expression over the outputs of a child."""

    def iteration(self, index: int, entry: str, bound: Mapping[str, Json]) -> RegionEnd:
        """Drive a loop's iteration on the visit's variables, the names of `bound` bound inside."""

    def begun(self, index: int) -> bool:
        """Whether something of a loop's iteration is recorded."""

    def branches(self, starts: Sequence[BranchStart], strategy: "Strategy") -> Mapping[str, RegionEnd]:
        """Drive branches at once, until all have ended or wait, or `strategy` says that it is decided."""


class Strategy(Protocol):
    """When a parallel is decided."""

    def decided(self, ended: Mapping[str, RegionEnd]) -> bool:
        """Whether the branches that have ended, in the order in which they did, decide."""

    def again(self, branch_id: str, error: Error, tried: int) -> Again | None:
        """When a failed branch, tried again `tried` times so far, is tried again; none when its failure stands."""
