"""Registering agents and changing what is known of them (protocols 3)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from agents import capabilities, ports
from agents.choices import Affinity, AgentStatus
from agents.models import Agent
from langorch.lib import egress
from langorch.lib.errors import Conflict, Invalid, Place
from tenants import audit
from tenants.actor import Actor
from tenants.models import Project

CHANNEL: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
RESERVED: Final = frozenset({"pools", "heartbeat", "bootstrap", "probe-capabilities"})
MOST_AT_ONCE: Final = 1_000
PRIORITIES: Final = range(-1_000, 1_001)


@dataclass(frozen=True, slots=True)
class Registration:
    """What an agent says of itself. `capabilities` are names or objects; no projects: open to the whole tenant."""

    name: str
    channel: str
    base_url: str
    agent_id: str = ""
    concurrency_limit: int = 1
    resource_key: str = ""
    pool_id: str = ""
    pool_priority: int = 0
    capabilities: Sequence[str | Mapping[str, Any]] = ()
    capabilities_version: str = ""
    affinity: str = Affinity.RUN
    status: str = AgentStatus.ONLINE
    projects: Sequence[Project] = field(default=())


@transaction.atomic
def register_agent(actor: Actor, given: Registration) -> Agent:
    """Register an agent, and let those look again who wait for one.

    Raises `Denied`, `Invalid` (one place per field; address_not_allowed), `Conflict` (agent_exists).
    """
    actor.require("agents.admin")
    agent = Agent(tenant_id=actor.tenant_id, **checked(_values(given)))
    if Agent.system.filter(tenant_id=actor.tenant_id, agent_id__iexact=agent.agent_id).exists():
        raise Conflict(f"An agent with the id {agent.agent_id} is registered already.", code="agent_exists")
    agent.save(force_insert=True)
    agent.projects.set(given.projects)
    audit.record(actor, "agent.register", f"Agent {agent} registered", resource=("agent", agent.agent_id))
    ports.waiters().wake(agent, agent.concurrency_limit)
    return agent


@transaction.atomic
def change_agent(actor: Actor, agent: Agent, **changes: Any) -> Agent:
    """Change fields of an agent, as `Registration` names them; its id and channel stay. Raises as `register_agent`."""
    actor.require("agents.admin", agent)
    projects = changes.pop("projects", None)
    values = checked(changes)
    if "capabilities" in values:
        values["cannot"] = []
    changed = Agent.system.select_for_update().get(pk=agent.pk)
    for name, value in values.items():
        setattr(changed, name, value)
    changed.save(update_fields=[*values, "updated_at"])
    if projects is not None:
        changed.projects.set(projects)
    audit.record(actor, "agent.change", f"Agent {agent} changed", resource=("agent", agent.agent_id), fields=[*changes])
    ports.waiters().wake(changed, changed.concurrency_limit)
    return changed


@transaction.atomic
def remove_agent(actor: Actor, agent: Agent) -> None:
    """Forget an agent with its past leases. Raises `Denied`, `Conflict` (in_use) while it holds one."""
    actor.require("agents.admin", agent)
    held = Agent.system.select_for_update().get(pk=agent.pk)
    if held.leases.filter(released_at=None).exists():
        raise Conflict(f"{agent} is at work; drain it first.", code="in_use")
    audit.record(actor, "agent.remove", f"Agent {agent} removed", resource=("agent", agent.agent_id))
    held.delete()


def _values(given: Registration) -> dict[str, Any]:
    channel = given.channel.strip().lower()
    values = {name: getattr(given, name) for name in given.__slots__ if name != "projects"}
    values["channel"] = channel
    values["agent_id"] = given.agent_id or f"{channel}_{given.name.strip().lower().replace(' ', '_')}"
    values["resource_key"] = given.resource_key or f"{channel}_default"
    return values


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an agent, checked and as they are stored. Raises `Invalid` with one place per field."""
    faults = [Place(fault, field=name) for name, value in values.items() if (fault := _fault(name, value))]
    if faults:
        raise Invalid("; ".join(f"{fault.field}: {fault.message}" for fault in faults), places=faults)
    found = dict(values)
    if "base_url" in found:
        found["base_url"] = _address(found["base_url"])
    if "capabilities" in found:
        found["capabilities"] = capabilities.normalized(found["capabilities"])
    return found


def _fault(name: str, value: Any) -> str:
    """What is wrong with a value, empty for nothing."""
    match name:
        case "agent_id":
            sound = bool(IDENTIFIER.fullmatch(value)) and value not in RESERVED
            return "" if sound else "Letters, digits and _ . : - only, and no word that the API uses."
        case "channel":
            return "" if CHANNEL.fullmatch(value) else "Small letters, digits and _ . - only, at most 64."
        case "name":
            return "" if 0 < len(value.strip()) <= 150 else "1 to 150 characters."
        case "concurrency_limit":
            return "" if value in range(1, MOST_AT_ONCE + 1) else f"A whole number from 1 to {MOST_AT_ONCE}."
        case "pool_priority":
            return "" if value in PRIORITIES else "A whole number from -1000 to 1000."
        case "resource_key" | "pool_id":
            return "" if not value or IDENTIFIER.fullmatch(value) else "Letters, digits and _ . : - only, at most 128."
        case "affinity":
            return "" if value in Affinity.values else f"One of {', '.join(Affinity.values)}."
        case "status":
            return "" if value in AgentStatus.values else f"One of {', '.join(AgentStatus.values)}."
        case "capabilities_version":
            return "" if len(value) <= 64 else "At most 64 characters."
        case _:
            return ""


def _address(url: str) -> str:
    """The base of the agent's addresses, without a slash at its end. Raises `Invalid` (address_not_allowed)."""
    base = url.rstrip("/")
    try:
        target = egress.read(base)
        literal = egress.literal(target.host)
        if literal is not None:
            settings.EGRESS.check("agent", target.host, literal)
    except egress.Forbidden as error:
        place = Place(str(error), code="address_not_allowed", field="base_url")
        raise Invalid(f"base_url: {error}", code="address_not_allowed", places=[place]) from None
    if "?" in target.path or len(base) > 500:
        fault = "No query string, and at most 500 characters."
        raise Invalid(f"base_url: {fault}", places=[Place(fault, field="base_url")])
    return base
