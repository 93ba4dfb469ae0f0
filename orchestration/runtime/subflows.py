"""The child of a visit: starting it together with the wait for it, and reading how it ended (runtime 15)."""

from collections.abc import Mapping

from langorch.lib import clock
from langorch.lib.errors import Invalid, Refusal, TooLarge
from orchestration.choices import RunStatus, WaitKind, WaitState
from orchestration.models import Run
from orchestration.runtime.context import Child
from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.records import WaitRow, moment, to_json
from orchestration.runtime.visiting import Visit
from orchestration.services.subflow import RECURSION, ChildRequest, start_child
from procedures.ckp.document import SubflowNode


def current(visit: Visit) -> Child | None:
    """The child that was started last and has not been answered with another one; none when one is to be started."""
    run_id = visit.facts.get("child")
    if run_id is None:
        return None
    wait = visit.drive.records.wait(visit.path, WaitKind.SUBFLOW, ref=run_id)
    if wait is None:
        raise StepFailed(Error("internal", f"Nothing is known of the child {run_id}."))
    if wait.state == WaitState.OPEN:
        return Child(run_id)
    child = Child(run_id, **wait.answer)
    if child.status == RunStatus.CANCELED:
        _look_for_cancel(visit)
    return child


def start(visit: Visit, node: SubflowNode, given: Mapping[str, Json]) -> Child:
    """Start a child and wait for it, in one transaction. Raises `StepFailed`."""
    to_json(dict(given))
    wanted = ChildRequest(
        parent_id=visit.drive.run.pk,
        path=visit.path,
        procedure_id=node.procedure_id,
        pin=node.version,
        given=given,
        inherited=visit.variables if node.inherit_context else {},
    )
    journal = visit.drive.journal
    journal.flush()
    visit.look()
    visit.store()
    refusal: Refusal | None = None
    with journal.together():
        try:
            child = start_child(wanted)
        except Refusal as refused:
            refusal = refused
        else:
            _wait_for(visit, child)
    return _refused(node, refusal) if refusal is not None else Child(str(child.pk))


def _wait_for(visit: Visit, child: Run) -> None:
    run_id = str(child.pk)
    told = {"child_run_id": run_id, "procedure_id": child.procedure_key, "version": child.procedure_version}
    visit.emit("subflow_started", told)
    visit.emit("node_paused", {"reason": WaitKind.SUBFLOW, "node_name": visit.name})
    visit.keep({"child": run_id})
    visit.drive.journal.wait(WaitRow(visit.path, "", WaitKind.SUBFLOW, run_id, moment(clock.now()), None))


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
