"""Probing agents whose circuit was open long enough (protocols 3 and 6)."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from agents import breaker, ports
from agents.breaker import Subject
from agents.choices import CircuitKind, CircuitState
from agents.dispatch import http
from agents.dispatch.base import Call, CallFault
from agents.models import Agent, Circuit
from langorch.lib import clock, ids

PROBE: Final = "langorch.probe"
SECONDS: Final = 5.0
AT_ONCE: Final = 50


def probe_due() -> int:
    """Probe every agent that is due; how many circuits that closed."""
    due = Circuit.system.filter(kind=CircuitKind.AGENT, until__lte=Now()).exclude(state=CircuitState.CLOSED)
    return sum(_probe(circuit) for circuit in due.order_by("until")[:AT_ONCE])


def _probe(circuit: Circuit) -> int:
    agent = Agent.system.filter(tenant_id=circuit.tenant_id, agent_id__iexact=circuit.subject).first()
    if agent is None or not breaker.claim_probe(circuit):
        return 0
    subject, well = Subject(circuit.tenant_id, CircuitKind.AGENT, circuit.subject), _is_well(agent)
    if well is None:
        breaker.leave_probe(subject)
        return 0
    with transaction.atomic():
        locked = Agent.system.select_for_update().get(pk=agent.pk)
        if not well:
            breaker.failed(subject, "the probe failed")
        elif breaker.succeeded(subject):
            ports.waiters().wake(locked, locked.concurrency_limit)
            return 1
    return 0


def _is_well(agent: Agent) -> bool | None:
    """What the agent answers to its own probe, if it offers one, else of its health; none when it cannot say."""
    if not any(one["name"] == PROBE for one in agent.capabilities):
        return http.healthy(agent.base_url)
    dispatch = ids.uuid7()
    call = Call(
        action=PROBE,
        params={},
        run_id=dispatch,
        node_id="probe",
        step_id="probe",
        path="probe",
        attempt=1,
        idempotency_key=str(dispatch),
        dispatch_id=dispatch,
        deadline=clock.now() + timedelta(seconds=SECONDS),
    )
    try:
        http.execute(agent.base_url, call, SECONDS, lambda: None)
    except CallFault as fault:
        return not fault.sick and fault.sent
    return True
