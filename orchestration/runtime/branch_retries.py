"""Trying a failed branch again from its failed step: after its delay its records are opened again (runtime 7)."""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings

from langorch.lib import clock
from orchestration import reopening
from orchestration.choices import WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.runtime import loading, standins
from orchestration.runtime.context import Again
from orchestration.runtime.outcomes import Error, Suspended
from orchestration.runtime.ports import Region
from orchestration.runtime.records import WaitRow, moment
from orchestration.runtime.visiting import Visit

TRIED: Final = "tried"
"""The fact of a parallel that says how often each of its branches was tried again."""


def tried(owner: Visit, branch_id: str) -> int:
    """How often a branch was tried again."""
    return int(owner.facts.get(TRIED, {}).get(branch_id, 0))


def try_again(owner: Visit, region: Region, branch_id: str, error: Error, again: Again) -> None:
    """Let the delay pass and open the failed branch again. Raises `Suspended` while the delay is waited for parked."""
    number = tried(owner, branch_id) + 1
    _pause(owner, region, f"{region.path}#{number}", again, error)
    owner.keep({TRIED: {**owner.facts.get(TRIED, {}), branch_id: number}})
    with owner.drive.journal.together():
        reopening.reopen_region(owner.drive.run.pk, region.path)
    owner.drive.records.renew(region.path, loading.load(owner.drive.run.pk))


def _pause(owner: Visit, region: Region, ref: str, again: Again, error: Error) -> None:
    known = owner.drive.records.wait(region.path, WaitKind.RETRY, "", ref)
    if known is not None:
        if known.state == WaitState.OPEN:
            raise Suspended
        return
    until = clock.now() + timedelta(milliseconds=again.delay)
    _tell(owner, region, again, error, until.isoformat())
    if again.delay > settings.ENV.INLINE_WAIT_MS and not standins.is_dry(owner):
        owner.drive.journal.wait(WaitRow(region.path, "", WaitKind.RETRY, ref, moment(clock.now()), moment(until)))
        raise Suspended

    def look() -> None:
        region.look()
        owner.look()

    owner.drive.sleep(again.delay / 1000, look)


def _tell(owner: Visit, region: Region, again: Again, error: Error, at: str) -> None:
    told: dict[str, Any] = {"delay_ms": again.delay, "at": at, "strategy": again.strategy}
    told["error_class"] = error.error_class
    event = NewEvent("step_retry_scheduled", told, error.node_id, error.step_id, region.path, error.attempt)
    owner.drive.journal.event(event)
