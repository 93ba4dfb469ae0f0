"""The child of a visit: starting it together with the wait for it, and reading how it ended (runtime 15)."""

from collections.abc import Callable, Mapping
from typing import Final

from langorch.lib import clock
from langorch.lib.errors import Invalid, Refusal, TooLarge
from orchestration.cancel_words import BY_PARENT
from orchestration.choices import RunStatus, WaitKind, WaitState
from orchestration.models import Run, Wait
from orchestration.reopening import CHILD
from orchestration.runtime.boundary import Canceled, Held, Outlived, RegionStopped, Stopping
from orchestration.runtime.context import Child
from orchestration.runtime.drive import Above
from orchestration.runtime.limits import LimitPassed
from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.records import Fenced, WaitRow, moment, to_json
from orchestration.runtime.visiting import Visit
from orchestration.services.subflow import RECURSION, ChildRequest, start_child
from procedures.ckp.document import SubflowNode

MOST_INLINE: Final = 5
"""So many runs at most are nested in one thread, the one that a worker claimed left aside."""
PARENT_STOPS: Final = "its parent stops"


def current(visit: Visit) -> Child | None:
    """The child that was started last and has not been answered with another one; none when one is to be started."""
    run_id = visit.facts.get(CHILD)
    if run_id is None:
        return None
    wait = visit.drive.records.wait(visit.path, WaitKind.SUBFLOW, ref=run_id)
    if wait is None:
        raise StepFailed(Error("internal", f"Nothing is known of the child {run_id}."))
    if wait.state == WaitState.OPEN:
        return Child(run_id)
    return _ended(visit, run_id, wait.answer)


def start(visit: Visit, node: SubflowNode, given: Mapping[str, Json]) -> Child:
    """Start a child and wait for it, in one transaction; then drive it as far as it goes. Raises `StepFailed`."""
    to_json(dict(given))
    visit.drive.journal.flush()
    visit.look()
    started = _start(visit, node, given)
    if isinstance(started, Refusal):
        return _refused(node, started)
    _drive_inline(visit, started)
    visit.look()
    child = _found(visit, started)
    if not child.status:
        visit.emit("node_paused", {"reason": WaitKind.SUBFLOW, "node_name": visit.name})
    return child


def _start(visit: Visit, node: SubflowNode, given: Mapping[str, Json]) -> Run | Refusal:
    wanted = ChildRequest(
        parent_id=visit.drive.run.pk,
        path=visit.path,
        procedure_id=node.procedure_id,
        pin=node.version,
        given=given,
        inherited=visit.shared if node.inherit_context else {},
    )
    visit.store()
    with visit.drive.journal.together():
        try:
            child = start_child(wanted)
        except Refusal as refusal:
            return refusal
        run_id = str(child.pk)
        told = {"child_run_id": run_id, "procedure_id": child.procedure_key, "version": child.procedure_version}
        visit.emit("subflow_started", told)
        visit.keep({CHILD: run_id})
        visit.drive.journal.wait(WaitRow(visit.path, "", WaitKind.SUBFLOW, run_id, moment(clock.now()), None))
    return child


def _drive_inline(visit: Visit, child: Run) -> None:
    """Let this thread drive the child, unless too many are nested so already; then any worker takes it."""
    nested = visit.drive.above.nested + 1 if visit.drive.above else 1
    if nested > MOST_INLINE or visit.drive.drive_child is None:
        return
    above = Above(_boundary(visit), visit.seconds_left, nested)
    with visit.drive.crowd.baton.aside():
        visit.drive.drive_child(visit.drive.lease.owner, child.pk, above)


def _boundary(visit: Visit) -> Callable[[], None]:
    """What the child looks at: when its parent has to do something else, the child is handed back."""

    def look() -> None:
        try:
            visit.region.look()
        except (Canceled, Fenced, Held, RegionStopped) as reason:
            raise Stopping(PARENT_STOPS) from reason
        if visit.seconds_left() == 0:
            raise Stopping(PARENT_STOPS)

    return look


def _found(visit: Visit, child: Run) -> Child:
    """How far the child has come."""
    waits = Wait.objects.filter(run_id=visit.drive.run.pk, path=visit.path, kind=WaitKind.SUBFLOW, ref=str(child.pk))
    said = waits.filter(state=WaitState.ANSWERED).values_list("answer", flat=True).first()
    return Child(str(child.pk)) if said is None else _ended(visit, str(child.pk), said)


def _ended(visit: Visit, run_id: str, said: Mapping[str, Json]) -> Child:
    child = Child(run_id, **said)
    if child.status == RunStatus.CANCELED:
        _look_for_cancel(visit)
        _look_for_time(visit, child)
    return child


def _look_for_time(visit: Visit, child: Child) -> None:
    """A child that ended with the time of its parents says that this is over, also where a clock is behind."""
    if child.error is None or child.error.get("code") != BY_PARENT:
        return
    if visit.limit is not None:
        raise LimitPassed(visit.limit)
    if visit.drive.above is not None:
        raise Outlived


def _refused(node: SubflowNode, refusal: Refusal) -> Child:
    """A child that could not be started counts as failed; one that may not be so called is an error of the visit."""
    if refusal.code == RECURSION:
        raise StepFailed(Error(RECURSION, refusal.detail))
    if isinstance(refusal, Invalid | TooLarge):
        errors = {place.field or place.pointer or "": place.message for place in refusal.places}
        raise StepFailed(Error("subflow_contract", refusal.detail, code=refusal.code, details={"errors": errors}))
    error = {"class": refusal.code, "code": refusal.code, "message": refusal.detail}
    return Child("", node.procedure_id, status="failed", error=error)


def _look_for_cancel(visit: Visit) -> None:
    """A cancel of the run goes before what it did to the child. Raises `Canceled`."""
    if Run.system.filter(pk=visit.drive.run.pk, cancel_requested=True).exists():
        visit.drive.lease.cancel_requested = True
    visit.look()
