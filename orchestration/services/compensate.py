"""Undoing what a run had done, where its document leaves that to people (runtime 11)."""

from django.db import transaction

from langorch.lib.errors import Conflict
from orchestration import compensating, selectors, transitions
from orchestration.models import Run
from orchestration.verbs import why_not_compensate
from tenants import audit
from tenants.actor import Actor


@transaction.atomic
def compensate_run(actor: Actor, run: Run, reason: str) -> Run:
    """Queue a failed or canceled run to be undone, the last first; then it ends as it was before.

    Raises `Denied`, `Conflict` (already_compensated; illegal_transition for any other status, and where the document
    says itself when runs are undone).
    """
    actor.require("runs.operate", run)
    run = Run.system.select_for_update().get(pk=run.pk)
    manual = run.pk in compensating.manual_among([run])
    now = selectors.situation(actor, run, selectors.version_statuses([run]), manual=manual)
    if refusal := why_not_compensate(now):
        code = "already_compensated" if run.compensation else "illegal_transition"
        raise Conflict(refusal, code=code, extra={"status": run.status})
    transitions.request_compensation(run.pk, actor.name, reason)
    text = f"Undoing of {run} asked for: {reason}"
    audit.record(actor, "run.compensate", text, resource=("run", run.pk), project_id=run.project_id)
    return Run.system.get(pk=run.pk)
