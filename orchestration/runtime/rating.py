"""Keeping a step's calls within the rate that the document allows (runtime 13)."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from agents import rates
from langorch.lib import clock
from orchestration.choices import WaitKind
from orchestration.runtime import awaiting
from orchestration.runtime.outcomes import Error, StepFailed, Suspended
from orchestration.runtime.records import WaitRow, moment
from orchestration.runtime.stepping import RecordedStep

FACTS: Final = "tokens"
LONGEST_SECONDS: Final = 300


def wait_for_token(run: RecordedStep) -> None:
    """Take a token for this attempt, and let the time pass until it is there: in the worker, or parked.

    Raises `StepFailed` (rate_limited) when that would take longer than the attempt may, and `Suspended`.
    """
    config = run.visit.document.global_config.rate_limiting
    if config is None or not config.enabled or config.max_requests_per_minute is None:
        return
    at = _given(run)
    if at is None:
        at = _take(run, config.max_requests_per_minute)
    seconds = (at - clock.now()).total_seconds()
    if seconds * 1000 > settings.ENV.INLINE_WAIT_MS:
        _park(run, at)
        raise Suspended
    if seconds > 0:
        run.visit.drive.sleep(seconds, run.visit.look)


def _given(run: RecordedStep) -> datetime | None:
    """When the token is there that this attempt took before; it has one too if it has waited for an agent since."""
    attempt, at = run.visit.facts.get(FACTS, {}).get(run.ref(""), (0, ""))
    if attempt == run.attempt:
        return datetime.fromisoformat(at)
    waited_as = run.visit.facts.get(awaiting.FACTS, {}).get(run.ref(""), (0,))[0]
    return clock.now() if waited_as == run.attempt else None


def _take(run: RecordedStep, a_minute: int) -> datetime:
    visit, name = run.visit, run.visit.drive.run.procedure_key
    longest = min(run.timeout_ms(LONGEST_SECONDS * 1000) / 1000, LONGEST_SECONDS)
    with visit.drive.transaction():
        seconds = rates.take(visit.drive.run.tenant_id, name, a_minute)
        if seconds > longest:
            rates.give_back(visit.drive.run.tenant_id, name)
    if seconds:
        run.emit("rate_limited", {"bucket": name, "wait_ms": round(seconds * 1000)})
    if seconds > longest:
        message = f"The rate limit of {name}, {a_minute} calls a minute, has no room within {longest:g} s."
        raise StepFailed(Error("rate_limited", message))
    at = clock.now() + timedelta(seconds=seconds)
    if seconds:
        visit.keep({FACTS: {**visit.facts.get(FACTS, {}), run.ref(""): [run.attempt, at.isoformat()]}})
    return at


def _park(run: RecordedStep, at: datetime) -> None:
    visit, ref = run.visit, f"rate:{run.visit.drive.run.procedure_key}"
    visit.emit("node_paused", {"reason": WaitKind.CAPACITY, "node_name": visit.name}, run.step.step_id)
    visit.store()
    row = WaitRow(visit.path, run.step.step_id, WaitKind.CAPACITY, ref, moment(clock.now()), moment(at))
    visit.drive.journal.wait(row)
