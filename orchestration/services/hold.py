"""Holding runs, and letting them go on (runtime 14)."""

from collections.abc import Callable

from django.db import transaction

from orchestration import holds
from orchestration.models import Run
from tenants import audit
from tenants.actor import Actor


def pause_run(actor: Actor, run: Run, reason: str = "") -> Run:
    """Hold a run: at once unless a worker has it, else at its next boundary. Doing it twice changes nothing.

    Raises `Denied`, `Conflict` (run_terminal).
    """
    return _change(actor, run, "pause", "held", reason, lambda: holds.place(run.pk, actor.name, reason))


def resume_run(actor: Actor, run: Run, reason: str = "") -> Run:
    """Lift the hold of a run; without one nothing changes. Raises `Denied`, `Conflict` (run_terminal)."""
    return _change(actor, run, "resume", "let go on", reason, lambda: holds.lift(run.pk, actor.name))


def _change(actor: Actor, run: Run, verb: str, done: str, reason: str, change: Callable[[], bool]) -> Run:
    actor.require("runs.operate", run)
    with transaction.atomic():
        if change():
            text = f"{run} {done}" + (f": {reason}" if reason else "")
            audit.record(actor, f"run.{verb}", text, resource=("run", run.pk), project_id=run.project_id)
    return Run.system.get(pk=run.pk)
