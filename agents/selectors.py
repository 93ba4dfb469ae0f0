"""Reading agents: who offers an action, and all names that are offered."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower, Now

from agents import capabilities
from agents.capabilities import Offer
from agents.models import Agent, AgentLease
from tenants.actor import Actor


def called(tenant_id: UUID, project_id: UUID | None, name: str, pool: str | None = None) -> QuerySet[Agent]:
    """The agents of a tenant that serve a project and are meant by `name`: a channel or an agent id, in any case."""
    agents = Agent.system.filter(tenant_id=tenant_id).alias(lower_id=Lower("agent_id"))
    meant = agents.filter(Q(channel=name.lower()) | Q(lower_id=name.lower()))
    if pool:
        meant = meant.filter(pool_id=pool)
    return meant.filter(Agent.open_to([] if project_id is None else [project_id]))


def offers(
    tenant_id: UUID, project_id: UUID | None, name: str, action: str, pool: str | None = None
) -> Iterator[tuple[Agent, Offer]]:
    """The agents meant by `name` that offer an action, with what they say of it."""
    for agent in called(tenant_id, project_id, name, pool).order_by("agent_id"):
        offer = capabilities.find(agent.capabilities, action)
        if offer is not None:
            yield agent, offer


def offered_names(actor: Actor) -> list[str]:
    """The names of all actions that agents offer whom an actor may see."""
    listed = Agent.objects.visible_to(actor).values_list("capabilities", flat=True)
    return sorted({one["name"] for found in listed for one in found} - {capabilities.EVERYTHING})


def live_leases() -> QuerySet[AgentLease]:
    """The slots of agents that are held now, by anybody."""
    return AgentLease.system.filter(released_at=None, expires_at__gt=Now())


def live_leases_of(run_id: UUID) -> QuerySet[AgentLease]:
    """The slots that a run holds now, the oldest first."""
    return live_leases().filter(run_id=run_id).select_related("agent").order_by("acquired_at")
