"""A LangGraph saver that reads the records: history, older states and open interrupts, nothing written for it.

A thread is a region of a run (`<run>:<region>`), a checkpoint is the state after one of its visits. Drives run without
a saver. What LangGraph puts is left aside, and an update of the state is refused: a fork of the run is the way.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    PendingWrite,
)
from langgraph.types import Interrupt
from xxhash import xxh3_128_hexdigest

from orchestration import history
from orchestration.choices import VisitState, WaitState
from orchestration.models import Run, Visit, Wait
from orchestration.runtime.graph import node_name
from orchestration.runtime.program import Program, programs
from orchestration.visit_rows import owner_of

FORMAT: Final = 4
_PULL: Final = "__pregel_pull"
_INTERRUPT: Final = "__interrupt__"


class CheckpointRefused(Exception):
    """The saver reads only."""


class RecordSaver(BaseCheckpointSaver[int]):
    """Folds the visits of a region into one checkpoint for each that is done."""

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that the config names, else the thread's latest; none where nothing is recorded."""
        wanted = config["configurable"].get("checkpoint_id")
        found = self.list(config, limit=None if wanted else 1)
        return next((one for one in found if wanted in (None, one.checkpoint["id"])), None)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """The checkpoints of a thread, the latest first. Raises `CheckpointRefused` without a thread."""
        if config is None:
            raise CheckpointRefused("checkpoints are listed for one thread")
        thread = _Thread(str(config["configurable"]["thread_id"]))
        end = before["configurable"]["checkpoint_id"] if before else None
        matching = (
            one
            for one in thread.tuples()
            if (end is None or one.checkpoint["id"] < end) and _matches(one.metadata, filter or {})
        )
        for number, one in enumerate(matching):
            if number == limit:
                return
            yield one

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Leave a checkpoint of LangGraph aside. Raises `CheckpointRefused` for an update of the state."""
        if metadata.get("source") in ("update", "fork"):
            raise CheckpointRefused("the state of a run is not updated; fork the run instead")
        return _config(str(config["configurable"]["thread_id"]), checkpoint["id"])

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Leave pending writes aside: the records have them."""

    def delete_thread(self, thread_id: str) -> None:
        """Raises `CheckpointRefused`: records go with their run."""
        raise CheckpointRefused("checkpoints are records of their run")


class _Thread:
    """The visits of one region, and what is needed to see its variables."""

    def __init__(self, thread_id: str) -> None:
        run_id, _, self.region = thread_id.partition(":")
        self.id = thread_id
        self.run = Run.system.get(pk=UUID(run_id))
        self.program: Program = programs.get(self.run.document_id)
        self.all = list(Visit.objects.filter(run_id=self.run.pk))
        self.visits = [visit for visit in self.all if visit.region == self.region]

    def tuples(self) -> Iterator[CheckpointTuple]:
        """A checkpoint per done visit, the latest first; of a region where none is done, its beginning."""
        done = sorted((one for one in self.visits if one.state == VisitState.DONE), key=lambda visit: visit.pos)
        points = [self._after(visit) for visit in done] or [self._before(visit) for visit in self.visits]
        for place in range(len(points) - 1, -1, -1):
            yield self._tuple(points[place], points[place - 1] if place else None)

    def _after(self, visit: Visit) -> "_Point":
        def variables() -> dict[str, Any]:
            return history.variables_at(self.program.document, self.run.input_vars, self.all, visit)

        return _Point(visit.pos, visit.next_node, visit.ended_at or visit.started_at, variables)

    def _before(self, visit: Visit) -> "_Point":
        def variables() -> dict[str, Any]:
            by_region = history.by_region_of(self.all)
            return history.variables_before(self.program.document, self.run.input_vars, by_region, visit)

        return _Point(visit.pos - 1, visit.node_id, visit.started_at, variables)

    def _tuple(self, point: "_Point", earlier: "_Point | None") -> CheckpointTuple:
        checkpoint = self._checkpoint(point)
        metadata: CheckpointMetadata = {"source": "loop", "step": point.pos, "parents": {}}
        parent = _config(self.id, self._id(earlier)) if earlier else None
        return CheckpointTuple(
            _config(self.id, checkpoint["id"]), checkpoint, metadata, parent, self._interrupts(point, checkpoint["id"])
        )

    def _id(self, point: "_Point") -> str:
        return history.checkpoint_id(self.run.pk, self.region, point.pos)

    def _checkpoint(self, point: "_Point") -> Checkpoint:
        values: dict[str, Any] = {"vars": point.variables(), "next": node_name(point.next_node)}
        if self._goes_on(point):
            values[_trigger(point.next_node)] = None
        return Checkpoint(
            v=FORMAT,
            id=self._id(point),
            ts=point.at.isoformat(),
            channel_values=values,
            channel_versions=dict.fromkeys(values, point.pos + 1),
            versions_seen={},
            updated_channels=None,
        )

    def _goes_on(self, point: "_Point") -> bool:
        owner = owner_of(self.region) if self.region else ""
        node_id = next((one.node_id for one in self.all if one.path == owner), "")
        return point.next_node in self.program.regions[node_id].members

    def _interrupts(self, point: "_Point", checkpoint_id: str) -> list[PendingWrite]:
        """What the visit after this one waits for, as LangGraph keeps it: under the id of the task to come."""
        waiting = next((one for one in self.visits if one.pos == point.pos + 1 and one.state == VisitState.OPEN), None)
        if waiting is None or not self._goes_on(point):
            return []
        waits = Wait.objects.filter(run_id=self.run.pk, path=waiting.path, state=WaitState.OPEN).order_by("pk")
        found = [Interrupt(value={"kind": wait.kind, "ref": wait.ref}, id=f"{wait.pk:032x}") for wait in waits]
        return [(_task_id(checkpoint_id, point), _INTERRUPT, found)] if found else []


@dataclass(frozen=True, slots=True)
class _Point:
    """A place in a region: after its visit at `pos` (0: before all), from where it goes on at `next_node`."""

    pos: int
    next_node: str
    at: datetime
    variables: Callable[[], dict[str, Any]]


def _matches(metadata: CheckpointMetadata, wanted: dict[str, Any]) -> bool:
    return all(dict(metadata).get(name) == value for name, value in wanted.items())


def _config(thread_id: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}}


def _trigger(node_id: str) -> str:
    return f"branch:to:{node_name(node_id)}"


def _task_id(checkpoint_id: str, point: _Point) -> str:
    """The id that LangGraph gives the task after a checkpoint."""
    name = node_name(point.next_node)
    parts = (name, str(point.pos + 1), name, _PULL, _trigger(point.next_node))
    digest = xxh3_128_hexdigest(bytes.fromhex(checkpoint_id.replace("-", "")) + "".join(parts).encode())
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
