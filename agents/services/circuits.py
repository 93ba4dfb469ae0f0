"""Opening and closing circuits by hand."""

from django.db import transaction

from agents import breaker, ports
from agents.breaker import Subject
from agents.choices import CircuitKind
from agents.models import Agent, Circuit
from tenants import audit
from tenants.actor import Actor


@transaction.atomic
def open_circuit(actor: Actor, circuit: Circuit, reason: str) -> None:
    """Send nothing to its subject until the circuit closes again. Raises `Denied`."""
    actor.require("agents.admin", circuit)
    breaker.open_now(_subject(circuit), f"opened by {actor.name}: {reason}")
    _record(actor, circuit, "open", reason)


@transaction.atomic
def close_circuit(actor: Actor, circuit: Circuit, reason: str) -> None:
    """Send to its subject again, and let those look again who wait for it. Raises `Denied`."""
    actor.require("agents.admin", circuit)
    breaker.close_now(_subject(circuit))
    _record(actor, circuit, "close", reason)
    if circuit.kind == CircuitKind.AGENT:
        for agent in Agent.system.filter(tenant_id=circuit.tenant_id, agent_id__iexact=circuit.subject):
            ports.waiters().wake(agent, agent.concurrency_limit)


def _subject(circuit: Circuit) -> Subject:
    return Subject(circuit.tenant_id, CircuitKind(circuit.kind), circuit.subject)


def _record(actor: Actor, circuit: Circuit, verb: str, reason: str) -> None:
    text = f"Circuit of {circuit.kind} {circuit.subject}: {verb}" + (f": {reason}" if reason else "")
    audit.record(actor, f"circuit.{verb}", text, resource=("circuit", circuit.subject))
