"""Undoing what a run has done, the last first, each as recorded steps at `path~undo` (runtime 11, CKP 2.13)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from langorch.lib import clock
from orchestration.choices import StepState, VisitState, WaitKind, WaitState
from orchestration.compensating import UNDO
from orchestration.models import StepRecord, Wait
from orchestration.runtime import paths, steps
from orchestration.runtime.context import Place
from orchestration.runtime.drive import Drive
from orchestration.runtime.executors.loop import bound_names
from orchestration.runtime.limits import Limit
from orchestration.runtime.outcomes import Json, StepFailed, Suspended
from orchestration.runtime.records import VisitRow, moment, to_json
from orchestration.runtime.state import VisitRecord, fold
from orchestration.runtime.state_size import StateSize
from orchestration.runtime.visiting import Visit
from procedures.ckp.document import LoopNode, SequenceNode, Step, SubflowNode
from procedures.ckp.edges import steps_of
from procedures.ckp.expressions import Scope

COMPENSATES: Final = "compensates"
COMPENSATE_WITH: Final = "compensate_with"


@dataclass(frozen=True, slots=True)
class Undo:
    """Something done that is to be undone. `steps` do it, each with its place below the node; `about` is what they see.

    `path` is where it was recorded, `order` by what drive and as which thing of it.
    """

    visit: VisitRecord
    path: str
    order: tuple[int, int]
    about: Mapping[str, Json]
    steps: tuple[tuple[tuple[Place, ...], Step], ...]


@dataclass(slots=True)
class Counts:
    """How much was undone, and how much could not be."""

    done: int = 0
    failed: int = 0


def found(drive: Drive) -> list[Undo]:
    """What a run has done and can be undone, the last first. Its records have just been read."""
    results = _Results(drive)
    undos: dict[tuple[str, str], Undo] = {}
    for visit in _visits(drive):
        for entry in _entries(visit):
            undo = _undo(drive, results, visit, entry)
            if undo is not None:
                undos[entry["path"], entry["step_id"]] = undo
    return sorted(undos.values(), key=lambda undo: undo.order, reverse=True)


def run(drive: Drive, undos: list[Undo]) -> Counts | None:
    """Undo everything that is not undone yet; none when that waits for something."""
    counts = Counts()
    for undo in undos:
        visit = UndoVisit(drive, undo)
        try:
            for place, step in undo.steps:
                steps.run(visit, _retried(step), place)
        except StepFailed:
            counts.failed += 1
        except Suspended:
            return None
        else:
            counts.done += 1
    return counts


def _retried(step: Step) -> Step:
    """A step that undoes is tried again, unless the document says that it is not."""
    return step if step.retry_on_failure is not None else step.model_copy(update={"retry_on_failure": True})


class _Results:
    """The recorded results of what can be undone."""

    def __init__(self, drive: Drive) -> None:
        self._run_id = drive.run.pk
        rows = StepRecord.objects.filter(run_id=self._run_id, state=StepState.COMPLETED)
        places = {entry["path"] for visit in _visits(drive) for entry in _entries(visit)}
        self._rows = {(row.path, row.step_id): row for row in rows.filter(path__in=places)}

    def step(self, path: str, step_id: str) -> StepRecord | None:
        """The record of a completed step."""
        return self._rows.get((path, step_id))

    def child(self, path: str) -> Json:
        """The outputs of the child that a visit waited for."""
        waits = Wait.objects.filter(run_id=self._run_id, path=path, kind=WaitKind.SUBFLOW, state=WaitState.ANSWERED)
        answer = waits.order_by("id").values_list("answer", flat=True).last()
        return (answer or {}).get("outputs")


def _visits(drive: Drive) -> Iterator[VisitRecord]:
    return (visit for visits in drive.records.regions.values() for visit in visits)


def _entries(visit: VisitRecord) -> list[dict[str, Any]]:
    return list((visit.data or {}).get(UNDO, ()))


def _undo(drive: Drive, results: _Results, visit: VisitRecord, entry: Mapping[str, Any]) -> Undo | None:
    """How a thing is undone; none for a step whose completion was not written, and for an unfinished node."""
    node, step_id, path = drive.program.document.nodes[visit.node_id], entry["step_id"], entry["path"]
    about = {"step_id": step_id or None, "node_id": visit.node_id, "path": path, "parameters": {}, "result": None}
    order = (int(entry["order"][0]), int(entry["order"][1]))
    if step_id:
        record = results.step(path, step_id)
        if record is None:
            return None
        about |= {"parameters": record.params or {}, "result": record.result}
        return Undo(visit, path, order, about, tuple(_undoing_step(node, step_id, handled=path != visit.path)))
    if visit.state != VisitState.DONE:
        return None
    about["result"] = _node_result(results, visit, node)
    listed = enumerate(node.compensate_with if isinstance(node, SequenceNode | SubflowNode) else ())
    return Undo(visit, path, order, about, tuple(((COMPENSATE_WITH, index), step) for index, step in listed))


def _undoing_step(node: Any, step_id: str, *, handled: bool) -> Iterator[tuple[tuple[Place, ...], Step]]:
    for place, step in steps_of(node):
        if COMPENSATE_WITH in place or step.step_id != step_id or (place[0] == "error_handlers") != handled:
            continue
        for index, undo in enumerate(step.compensate_with):
            yield (*place, COMPENSATE_WITH, index), undo


def _node_result(results: _Results, visit: VisitRecord, node: Any) -> Json:
    if isinstance(node, SubflowNode):
        return results.child(visit.path)
    last = results.step(visit.path, node.steps[-1].step_id) if node.steps else None
    return None if last is None else last.result


class UndoVisit(Visit):
    """The visit of something that is being undone: its steps stand beside the original's, whose row stays as it is."""

    def __init__(self, drive: Drive, undo: Undo) -> None:
        self._original = undo.visit
        self._about = undo.about
        again = replace(undo.visit, started_at=clock.now(), data=dict(undo.visit.data or {}))
        around = Around(drive, undo.visit.region)
        path = paths.undo(undo.path)
        super().__init__(drive, around, undo.visit.node_id, path, undo.visit.pos, _variables(drive, undo), again)

    def _scope(self) -> Scope:
        scope = super()._scope()
        return replace(scope, builtins={**scope.builtins, COMPENSATES: dict(self._about)})

    def row(self, outcome: str = "", next_node: str = "", error: dict[str, Json] | None = None) -> VisitRow:
        kept = self._original
        return VisitRow(
            kept.path,
            kept.region,
            kept.pos,
            kept.node_id,
            kept.state,
            kept.outcome,
            to_json(kept.changes),
            kept.next_node,
            None if kept.error is None else to_json(kept.error),
            self._data,
            moment(kept.started_at),
            None if kept.ended_at is None else moment(kept.ended_at),
        )


def _variables(drive: Drive, undo: Undo) -> dict[str, Json]:
    """The run's variables as the regions around the visit left them, from the outermost in, with what loops bound."""
    found = dict(drive.run.input_vars)
    for region in paths.around(undo.visit.region):
        found |= _bound(drive, region) | fold(drive.records.region(region)).changes
    return found


def _bound(drive: Drive, region: str) -> dict[str, Json]:
    """The names that a region sees because it is an iteration of a loop."""
    place = paths.iterated(region)
    if place is None:
        return {}
    path, index = place
    loops = (visit for visit in drive.records.region(path.rpartition("/")[0]) if visit.path == path)
    visit = next(loops, None)
    node = None if visit is None else drive.program.document.nodes[visit.node_id]
    if visit is None or not isinstance(node, LoopNode):
        return {}
    return bound_names(node, (visit.data or {}).get("items"), index)


class Around:
    """Where undoing happens: only a stop, a hold or the loss of the lease interrupts it, and no time limits it."""

    limit: Limit | None = None

    def __init__(self, drive: Drive, path: str) -> None:
        self._drive = drive
        self.path = path
        self.size = StateSize({}, {})

    def look(self) -> None:
        """A boundary: raises when the drive is to stop."""
        self._drive.look()

    def retries(self, node_id: str) -> int:
        """Nothing sends undoing back."""
        return 0
