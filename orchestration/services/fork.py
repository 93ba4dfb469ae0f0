"""Forking: a new run that begins at an earlier boundary of another one, perhaps with edited variables (runtime 14)."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from langorch.lib import clock
from langorch.lib.errors import Conflict, Invalid, Place
from orchestration import events, forking, history, selectors
from orchestration.choices import VisitState, WaitKind, WaitState
from orchestration.compensating import UNDO
from orchestration.events import NewEvent
from orchestration.forking import Kept
from orchestration.models import Run, RunJob, StepRecord, Visit, Wait
from orchestration.reopening import KEPT_FACTS
from orchestration.services.request import Cause, StartRequest
from orchestration.services.start import start_run
from orchestration.verbs import why_not_fork
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document, LoopNode
from procedures.ckp.inputs import check_value
from procedures.ckp.names import VARIABLE_NAME
from tenants import audit
from tenants.actor import Actor

Faults = list[Place]


@transaction.atomic
def fork_run(
    actor: Actor,
    run: Run,
    path: str,
    reason: str,
    changes: Mapping[str, Any] | None = None,
    procedure_version: str | None = None,
) -> Run:
    """A new run that goes on from before the visit at `path`, with `changes` to the variables as they were there.

    Raises `Denied`, `Conflict` (illegal_transition) unless the run is parked or ended, `Invalid` with places for a path
    it never took, for variables that do not fit, for nodes another version lacks; and what `start_run` raises.
    """
    actor.require("runs.operate", run)
    run = Run.system.select_for_update(of=("self",)).select_related("document").get(pk=run.pk)
    now = selectors.situation(actor, run, selectors.version_statuses([run]))
    if refusal := why_not_fork(now):
        raise Conflict(refusal, extra={"status": run.status})
    visits = list(Visit.objects.filter(run=run).order_by("id"))
    target = next((visit for visit in visits if visit.path == path), None)
    if target is None:
        raise _refused([Place("The run has no visit at this path.", field="path")])
    document = load_document(run.document.canonical)
    edited = _edited(document, run, visits, target, changes or {})
    carrier = forking.carrier(visits, target)
    inputs = run.input_vars if carrier else run.input_vars | edited
    forked = start_run(actor, _request(run, inputs, procedure_version)).run
    kept = forking.before(visits, target)
    _require_same_nodes(document, load_document(forked.document.canonical), [*kept.done, *kept.opened, target])
    _copy(run, forked, kept, carrier, edited)
    Run.system.filter(pk=forked.pk).update(last_node_id=target.node_id, fresh=not (kept.done or kept.opened))
    RunJob.objects.filter(pk=forked.pk).update(cause="fork")
    _tell(actor, run, forked, path, sorted(edited), reason)
    return Run.system.get(pk=forked.pk)


def _request(run: Run, inputs: Mapping[str, Any], procedure_version: str | None) -> StartRequest:
    return StartRequest(
        procedure_id=run.procedure_key,
        procedure_version=procedure_version or run.procedure_version,
        input_vars=inputs,
        release_channel=None if procedure_version else run.release_channel,
        project_id=run.project_id,
        case_id=run.case_id,
        title=run.title,
        priority=run.priority,
        labels=run.labels,
        execution_mode=None if run.execution_mode == "production" else run.execution_mode,
        mock_external_calls=run.mock_external_calls or None,
        test_data_overrides=run.test_data_overrides,
        cause=Cause(forked_from=run),
    )


def _edited(
    document: Document, run: Run, visits: Sequence[Visit], target: Visit, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The changes, checked: declared variables against the schema, others must be there at that point."""
    known = history.variables_before(document, run.input_vars, history.by_region_of(visits), target)
    bound = _bound_names(document, forking.owners(visits, target))
    checked: dict[str, Any] = {}
    faults: Faults = []
    for name, value in changes.items():
        meta = document.variables_schema.get(name)
        fault = None
        if name in bound:
            fault = "belongs to the iteration and cannot be changed"
        elif meta is not None:
            value, fault = check_value(meta, value)
        elif name not in known or not VARIABLE_NAME.fullmatch(name):
            fault = "is no variable there"
        checked[name] = value
        if fault:
            faults.append(Place(f"{name} {fault}.", field=f"changes.{name}", pointer=f"/changes/{name}"))
    if faults:
        raise _refused(faults)
    return checked


def _bound_names(document: Document, owners: Sequence[Any]) -> set[str | None]:
    loops = [node for owner in owners if isinstance(node := document.nodes.get(owner.node_id), LoopNode)]
    return {name for loop in loops for name in (loop.iterator_variable, loop.index_variable)}


def _require_same_nodes(old: Document, new: Document, visits: Sequence[Any]) -> None:
    faults = []
    for node_id in dict.fromkeys(visit.node_id for visit in visits):
        there = new.nodes.get(node_id)
        if there is None or there.type != old.nodes[node_id].type:
            what = "has no such node" if there is None else f"has a {there.type} there"
            faults.append(Place(f"The other version {what}.", field="procedure_version", node_id=node_id))
    if faults:
        raise _refused(faults)


def _copy(run: Run, forked: Run, kept: Kept, carrier: Any, edited: Mapping[str, Any]) -> None:
    rows = [_row(visit, forked, done=False) for visit in kept.opened]
    rows += [_row(visit, forked, done=True) for visit in kept.done]
    rows.sort(key=lambda row: row.started_at)
    for row in rows:
        if row.state == VisitState.OPEN:
            row.started_at = clock.now()
        if carrier is not None and row.path == carrier.path:
            row.changes = row.changes | edited
    Visit.objects.bulk_create(rows)
    done = {visit.path for visit in kept.done}
    steps = [step for step in StepRecord.objects.filter(run=run) if step.path.partition("!")[0] in done]
    for step in steps:
        step.pk, step.run = None, forked
    StepRecord.objects.bulk_create(steps)


def _row(visit: Any, forked: Run, *, done: bool) -> Visit:
    """The copy of a visit; one that is entered again keeps its facts alone. What another run did is not undone."""
    return Visit(
        run=forked,
        path=visit.path,
        region=visit.region,
        pos=visit.pos,
        node_id=visit.node_id,
        state=VisitState.DONE if done else VisitState.OPEN,
        outcome=visit.outcome if done else "",
        changes=dict(visit.changes) if done else {},
        next_node=visit.next_node if done else "",
        error=visit.error if done else None,
        data=forking.facts(visit.data, KEPT_FACTS if not done else frozenset(visit.data or ()) - {UNDO}),
        started_at=visit.started_at,
        ended_at=visit.ended_at if done else None,
    )


def _tell(actor: Actor, run: Run, forked: Run, path: str, changed: list[str], reason: str) -> None:
    told = {"new_run_id": str(forked.pk), "from_path": path, "changed": changed}
    events.append(run.pk, [NewEvent("run_forked", told)])
    if decided := _decided_before(run, forked):
        events.append(forked.pk, decided)
    text = f"Fork of {run} at {path}: {reason}"
    audit.record(actor, "run.fork", text, resource=("run", run.pk), project_id=run.project_id, new_run=str(forked.pk))


def _decided_before(run: Run, forked: Run) -> list[NewEvent]:
    """What people decided before the boundary: it counts, and the new run says so."""
    copied = dict(Visit.objects.filter(run=forked, state=VisitState.DONE).values_list("path", "node_id"))
    waits = Wait.objects.filter(run=run, kind=WaitKind.APPROVAL, state=WaitState.ANSWERED, path__in=copied)
    names = ("approval_id", "decision", "decided_by", "comment")
    return [
        NewEvent(
            "approval_decision_received",
            {name: (wait.answer or {}).get(name) for name in names} | {"via": f"fork of {run.pk}"},
            node_id=copied[wait.path],
            path=wait.path,
        )
        for wait in waits.order_by("id")
    ]


def _refused(faults: Faults) -> Invalid:
    return Invalid("; ".join(fault.message for fault in faults), places=faults)
