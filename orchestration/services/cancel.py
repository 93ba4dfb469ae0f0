"""Ending runs before their time."""

from django.db import transaction

from langorch.lib.errors import Conflict
from orchestration import transitions
from orchestration.choices import OPEN
from orchestration.models import Run
from tenants import audit
from tenants.actor import Actor, system

BY_PARENT = "parent"


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
    _cancel_children(run)
    return Run.system.get(pk=run.pk)


def _cancel_children(run: Run) -> None:
    for child in Run.system.filter(parent_run=run, status__in=OPEN):
        try:
            transitions.request_cancel(child.pk, system(child.tenant_id).name, BY_PARENT)
        except Conflict:
            continue
        _cancel_children(child)
