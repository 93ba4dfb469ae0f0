"""Driving a region: fold its records, enter it at its next node, visit by visit (runtime 5 and 7)."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from django.conf import settings

from orchestration.runtime import expiring, graph, paths, run_outputs, snapshots
from orchestration.runtime.boundary import RegionStopped
from orchestration.runtime.contexts import VisitContext
from orchestration.runtime.drive import Drive
from orchestration.runtime.executors import EXECUTORS
from orchestration.runtime.graph import Moved
from orchestration.runtime.limits import Limit, LimitPassed
from orchestration.runtime.outcomes import ERROR, Error, Fail, Json, Outcome, RegionEnd, StepFailed, Wait
from orchestration.runtime.ports import Owner
from orchestration.runtime.records import NotStorable, VisitRow
from orchestration.runtime.routing import ForeignNode, Route, end_as_json, end_of, left, route
from orchestration.runtime.state import fold
from orchestration.runtime.state_size import StateSize
from procedures.ckp.document import SequenceNode, SubflowNode
from procedures.ckp.expressions import EvaluationError
from procedures.ckp.operations import OperationError
from procedures.ckp.regions import MAIN


class RegionDrive:
    """One region of a run that is being driven: the main one, an iteration or a branch."""

    def __init__(
        self,
        drive: Drive,
        owner: str,
        path: str,
        parent: "RegionDrive | None" = None,
        visit: Owner | None = None,
        on_end: Callable[[RegionEnd], None] | None = None,
    ) -> None:
        self.drive = drive
        self.path = path
        self.counted: bool = on_end is not None or (parent is not None and parent.counted)
        self.stopped = False
        self._on_end = on_end
        self._parent = parent
        self._visit = visit
        self._region = drive.program.regions[owner]
        self._folded = fold(drive.records.region(path))
        self.size = StateSize({} if visit is None else visit.sizes, self._folded.changes)
        self._end: RegionEnd | None = None

    @property
    def recorded(self) -> bool:
        """Whether anything of this region is recorded."""
        return self._folded.last is not None or self._folded.open is not None

    @property
    def recorded_end(self) -> RegionEnd | None:
        """How the region ended, when its records say that it did."""
        last = self._folded.last
        return None if last is None else end_of(self._region, last, self._folded.changes)

    def run(self, variables: Mapping[str, Json], entry: str) -> RegionEnd:
        """Drive the region until it ends or waits. What is recorded is not done again."""
        self._end = self.recorded_end
        if self._end is None:
            last = self._folded.last
            start = last.next_node if last else entry
            try:
                self._go(start, {**variables, **self._folded.changes}, entry)
            finally:
                self.drive.journal.catch_up()
        if self._end is None:
            raise RuntimeError(f"the region {self.path!r} came to no end")
        return self._end

    def _go(self, start: str, variables: Mapping[str, Json], entry: str) -> None:
        program = self.drive.program
        if self._parent is not None and start in program.plain:
            moved = graph.together(self, start, variables, program.plain)
            if moved.next_node is None:
                return
            start, variables = moved.next_node, {**variables, **moved.changes}
        graph.run(program.graph(self._region.owner, entry), self, start, variables)

    @property
    def limit(self) -> Limit | None:
        """The nearest limit of time of what holds the region: its owners and the run."""
        return self.drive.limit if self._visit is None else self._visit.limit

    @property
    def pos(self) -> int:
        """The position of the last visit that is done, 0 for none."""
        return self._folded.pos

    def look(self) -> None:
        """A boundary: raises when the drive, or this region or one that holds it, is to stop."""
        self.drive.look()
        region: RegionDrive | None = self
        while region is not None:
            if region.stopped:
                raise RegionStopped
            region = region._parent

    def retries(self, node_id: str) -> int:
        """How often a node sent this region back by a retry."""
        return self._folded.retries[node_id]

    def iteration(self, owner: Owner, index: int) -> "RegionDrive":
        """The region of a loop's iteration."""
        return RegionDrive(self.drive, owner.node_id, paths.iteration(owner.path, index), self, owner)

    def branch(self, owner: Owner, branch_id: str, on_end: Callable[[RegionEnd], None]) -> "RegionDrive":
        """The region of one branch of a parallel."""
        return RegionDrive(self.drive, owner.node_id, paths.branch(owner.path, branch_id), self, owner, on_end)

    def visit(self, node_id: str, variables: Mapping[str, Json]) -> Moved:
        """Visit a node: the flow of the region's graph."""
        self.look()
        if node_id not in self.drive.program.computing:
            self.drive.journal.catch_up()
        visit = self._enter(node_id, variables)
        outcome = self._outcome(visit)
        if isinstance(outcome, Wait):
            self._end = RegionEnd("parked", self._folded.changes)
            return Moved({}, None, parked=True)
        return self._record(visit, outcome)

    def _enter(self, node_id: str, variables: Mapping[str, Json]) -> VisitContext:
        path = paths.visit(self.path, node_id, self._folded.counts[node_id] + 1)
        again = self._folded.open if self._folded.open and self._folded.open.path == path else None
        return VisitContext(self.drive, self, node_id, path, self._folded.pos + 1, variables, again)

    def _outcome(self, visit: VisitContext) -> Outcome:
        if (refusal := self._refusal(visit)) is not None:
            return Fail(refusal)
        try:
            visit.begin()
            return EXECUTORS[visit.node.type](visit.node, visit)
        except EvaluationError as error:
            return Fail(Error(error.error_class, error.message, code=error.kind))
        except OperationError as error:
            return Fail(Error(error.error_class, error.message))
        except NotStorable as error:
            return Fail(Error("invalid_value", str(error)))
        except StepFailed as failure:
            return Fail(failure.error)
        except LimitPassed as passed:
            return expiring.outcome(visit, passed.limit)

    def _refusal(self, visit: VisitContext) -> Error | None:
        if not visit.again and not self.drive.count_visit():
            return Error("visit_limit", f"More than {self.drive.most_visits} visits in one run.")
        if visit.node.type not in EXECUTORS:
            return Error("no_executor", f"Nodes of type {visit.node.type} cannot be carried out by this version.")
        return None

    def _record(self, visit: VisitContext, outcome: Outcome) -> Moved:
        visit.see_sla()
        found = self._judged(visit, self._routed(visit, self._fitting(visit, outcome)))
        try:
            row = self._row(visit, found)
        except NotStorable as error:
            visit.forget_changes()
            found = self._routed(visit, Fail(Error("invalid_value", str(error))))
            row = self._row(visit, found)
        self._folded.counts[visit.node_id] += 1
        self._folded.retries[visit.node_id] += found.outcome == "retry"
        self._folded.pos = visit.pos
        self._folded.changes.update(visit.changes)
        self.size.set(visit.encoded)
        self._end = self._ended(found)
        self.drive.journal.visit(row)
        visit.close()
        self._tell(visit, found)
        if self._end is not None and self._on_end is not None:
            self._on_end(self._end)
        reason = snapshots.wanted(self.drive, visit)
        self.drive.journal.settle(now=visit.node.is_checkpoint or bool(reason))
        if reason:
            snapshots.save(visit, reason, visit.shared)
        return Moved(visit.changes, None if self._end else found.next_node)

    def _fitting(self, visit: VisitContext, outcome: Outcome) -> Outcome:
        """The outcome, unless the run's variables have grown too large: nothing of what the visit set is kept then."""
        if not visit.changes or not self.drive.is_too_large(self.size.with_(visit.encoded)):
            return outcome
        visit.forget_changes()
        most = settings.ENV.MAX_STATE_BYTES
        return Fail(Error("state_too_large", f"The variables of the run would be larger than {most} bytes."))

    def _routed(self, visit: VisitContext, outcome: Outcome) -> Route:
        found = route(outcome, visit.node, recovery=self._recovery())
        try:
            left(self._region, found.next_node, {})
        except ForeignNode as stray:
            found = Route("fail", error=Error("internal", f"{stray} is not a node of this region."))
        if found.end is not None and not found.end.path:
            return replace(found, end=replace(found.end, path=visit.path, node_id=visit.node_id))
        if found.error is None:
            return found
        return replace(found, error=found.error.placed(node_id=visit.node_id, path=visit.path))

    def _judged(self, visit: VisitContext, found: Route) -> Route:
        """The route; a run whose outputs are not what its document declares goes on at its on_failure instead."""
        target = self._recovery()
        if target is None or found.error is not None or (found.end is not None and found.end.status == "failed"):
            return found
        if found.end is None and left(self._region, found.next_node, {}) is None:
            return found
        outputs = run_outputs.outputs(self.drive, found.end, {**self._folded.changes, **visit.changes})
        misfit = run_outputs.misfit(visit.document, outputs)
        placed = None if misfit is None else misfit.placed(node_id=visit.node_id, path=visit.path)
        return found if placed is None else Route("recover", target, placed)

    def _recovery(self) -> str | None:
        target = self.drive.program.document.global_config.on_failure
        return target if self._region.owner == MAIN and not self.drive.recovered else None

    def _row(self, visit: VisitContext, found: Route) -> VisitRow:
        if found.error is not None and found.next_node:
            visit.write(ERROR, found.error.as_json())
        if found.end is not None:
            visit.keep(end_as_json(found.end))
        if found.error is None and isinstance(visit.node, SequenceNode | SubflowNode) and visit.node.compensate_with:
            self._can_undo(visit)
        return visit.row(found.outcome, found.next_node, found.error.as_json() if found.error else None)

    def _can_undo(self, visit: VisitContext) -> None:
        """A node that was done, and neither cut short nor sent back, can be undone."""
        if "expired" not in visit.facts:
            visit.can_undo("", visit.path)

    def _ended(self, found: Route) -> RegionEnd | None:
        changes = self._folded.changes
        if found.outcome == "fail":
            return RegionEnd("failed", changes, error=found.error)
        if found.end is not None:
            return RegionEnd("run_ended", changes, end=found.end)
        return left(self._region, found.next_node, changes)

    def _tell(self, visit: VisitContext, found: Route) -> None:
        error = found.error
        if error is None:
            done = {"node_name": visit.name, "next_node_id": found.next_node or None, "duration_ms": visit.spent_ms}
            visit.tell("node_completed", done)
            return
        told = {"error": error.message, "error_class": error.error_class, "node_name": visit.name}
        visit.emit("node_error", told)
        if found.outcome == "recover":
            self.drive.recover(found.next_node)
            routed = {"from_node_id": visit.node_id, "to_node_id": found.next_node, "error_class": error.error_class}
            visit.emit("on_failure_routed", routed)
