"""Ending runs before their time."""

from django.db import transaction

from orchestration import canceling, transitions
from orchestration.models import Run
from tenants import audit
from tenants.actor import Actor


def cancel_run(actor: Actor, run: Run, reason: str = "") -> Run:
    """Cancel: at once while no worker has the run, else its worker is asked. Doing it twice changes nothing.

    Its children follow, each in a transaction of its own. Raises `Denied`, `Conflict` (run_terminal).
    """
    actor.require("runs.operate", run)
    with transaction.atomic():
        before = Run.system.filter(pk=run.pk).values_list("cancel_requested", flat=True).get()
        transitions.request_cancel(run.pk, actor.name, reason)
        if not before:
            text = f"Cancel of {run} asked for" + (f": {reason}" if reason else "")
            audit.record(actor, "run.cancel", text, resource=("run", run.pk), project_id=run.project_id)
    canceling.cancel_children(run.pk)
    return Run.system.get(pk=run.pk)
