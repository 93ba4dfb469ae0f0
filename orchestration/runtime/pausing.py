"""Waiting for time to pass: a moment in the worker, anything longer parked (runtime 2)."""

from datetime import datetime, timedelta

from django.conf import settings

from langorch.lib import clock
from orchestration.choices import WaitKind, WaitState
from orchestration.runtime import standins
from orchestration.runtime.outcomes import Suspended
from orchestration.runtime.records import WaitRow, moment
from orchestration.runtime.visiting import Visit


def pause(visit: Visit, kind: WaitKind, ref: str, milliseconds: float, step_id: str = "") -> None:
    """Let time pass, once per `ref`. Raises `Suspended` when that is to be waited for parked."""
    known = visit.drive.records.wait(visit.path, kind, step_id, ref)
    if known is not None and known.state == WaitState.OPEN:
        raise Suspended
    if known is not None or milliseconds <= 0 or standins.is_dry(visit):
        return
    if milliseconds <= settings.ENV.INLINE_WAIT_MS:
        visit.drive.sleep(milliseconds / 1000, visit.look)
        return
    park(visit, kind, ref, clock.now() + timedelta(milliseconds=milliseconds), step_id)


def goes_on(visit: Visit, kind: WaitKind, ref: str, step_id: str = "") -> None:
    """Raises `Suspended` while a pause that began earlier is not over."""
    known = visit.drive.records.wait(visit.path, kind, step_id, ref)
    if known is not None and known.state == WaitState.OPEN:
        raise Suspended


def park(visit: Visit, kind: WaitKind, ref: str, until: datetime | None, step_id: str = "") -> None:
    """Wait parked. Raises `Suspended`."""
    visit.emit("node_paused", {"reason": kind, "node_name": visit.name}, step_id)
    visit.store()
    visit.drive.journal.wait(
        WaitRow(visit.path, step_id, kind, ref, moment(clock.now()), moment(until) if until else None)
    )
    raise Suspended
