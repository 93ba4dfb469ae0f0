"""Waiting for an agent, parked: while nobody offers the action, and while all who do are busy (protocols 5.7)."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

from agents.choosing import Need
from agents.leases import Full, Missing
from langorch.lib import clock
from orchestration import capacity
from orchestration.choices import WaitKind, WaitState
from orchestration.models import Event, Wait
from orchestration.runtime.outcomes import Error, StepFailed
from orchestration.runtime.records import WaitRow, moment, to_json
from orchestration.runtime.stepping import RecordedStep

FACTS: Final = "agents"
QUIET_SECONDS: Final = 60


def waited(run: RecordedStep) -> bool:
    """Whether this step has waited for an agent in this visit."""
    return run.ref("") in run.visit.facts.get(FACTS, {})


def park(run: RecordedStep, need: Need, found: Full | Missing) -> None:
    """Record that the step waits. Raises `StepFailed` when it has waited long enough.

    Call it inside the transaction that found nobody, and raise `Suspended` after it.
    """
    kind, ref, seconds = _waits_for(need, found)
    begun = _begun(run, kind)
    since = begun or clock.now()
    until = since + timedelta(seconds=seconds)
    if clock.now() >= until or (begun is not None and _expired(run)):
        raise StepFailed(_error(run, need, found, seconds))
    if isinstance(found, Full):
        _tell_saturated(run, found, ref)
    visit = run.visit
    visit.keep({FACTS: {**visit.facts.get(FACTS, {}), run.ref(""): [run.attempt, kind, since.isoformat()]}})
    visit.emit("node_paused", {"reason": WaitKind.CAPACITY, "node_name": visit.name}, run.step.step_id)
    stays_with = found.stays_with if isinstance(found, Full) else ""
    needs = to_json(capacity.needs_of(need, run.step.required_capability_version, stays_with))
    row = WaitRow(visit.path, run.step.step_id, WaitKind.CAPACITY, ref, moment(since), moment(until), needs)
    visit.drive.journal.wait(row)


def _waits_for(need: Need, found: Full | Missing) -> tuple[str, str, float]:
    """The kind of waiting, what is waited for, and how long at most, in seconds."""
    if isinstance(found, Full):
        return "pool", capacity.pool_ref(found.channel, found.pool_id), settings.ENV.AGENT_WAIT_SECONDS
    return "agent", capacity.missing_ref(need.name, need.action), settings.ENV.AGENT_MISSING_WAIT_SECONDS


def _begun(run: RecordedStep, kind: str) -> datetime | None:
    """When this attempt began to wait in this manner; none when it has not."""
    attempt, earlier, since = run.visit.facts.get(FACTS, {}).get(run.ref(""), (0, "", ""))
    return datetime.fromisoformat(since) if (attempt, earlier) == (run.attempt, kind) else None


def _expired(run: RecordedStep) -> bool:
    last = run.visit.drive.records.wait(run.visit.path, WaitKind.CAPACITY, run.step.step_id)
    return last is not None and last.state == WaitState.EXPIRED


def _error(run: RecordedStep, need: Need, found: Full | Missing, seconds: float) -> Error:
    waited_for = f" within {seconds:g} s" if seconds else ""
    if isinstance(found, Full):
        return Error("capacity_timeout", _without_slot(found, waited_for))
    version = f" {run.step.required_capability_version}" if run.step.required_capability_version else ""
    pool = f" in pool {need.pool}" if need.pool else ""
    offers = f"No agent is registered on channel {need.name}{pool} that offers {need.action}{version}"
    message = f"{offers}, and none came{waited_for}." if seconds else f"{offers}."
    return Error("no_executor", message, details={"channel": need.name, "action": need.action})


def _without_slot(full: Full, waited_for: str) -> str:
    """Why nobody took the step: agents are busy, or cannot be used."""
    who = f"No agent of pool {full.pool_id} on channel {full.channel}"
    ailing = ", ".join(f"{number} {ailment}" for ailment, number in sorted(full.sick.items()))
    if not full.well:
        return f"{who} could be used{waited_for} ({ailing})."
    return f"{who} had a free slot{waited_for}{f' ({ailing})' if ailing else ''}."


def _tell_saturated(run: RecordedStep, full: Full, ref: str) -> None:
    """Tell that a pool is full, at most once a minute and pool."""
    run_id = run.visit.drive.run.pk
    lately = clock.now() - timedelta(seconds=QUIET_SECONDS)
    told = Event.objects.filter(run_id=run_id, event_type="pool_saturated", created_at__gt=lately)
    if told.filter(payload__channel=full.channel, payload__pool_id=full.pool_id).exists():
        return
    tenant = {"run__tenant_id": run.visit.drive.run.tenant_id}
    waiting = Wait.objects.filter(kind=WaitKind.CAPACITY, state=WaitState.OPEN, ref=ref, **tenant)
    content: dict[str, Any] = {
        "channel": full.channel,
        "pool_id": full.pool_id,
        "resource_key": full.resource_key,
        "agent_id": full.agent_id,
        "in_use": full.in_use,
        "limit": full.limit,
        "waiting": waiting.count() + 1,
    }
    run.emit("pool_saturated", content)
