"""How busy a pool is, and why nobody in it can be used (protocols 5)."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from agents import leases
from agents.choosing import STANDALONE
from agents.models import Agent


@dataclass(frozen=True, slots=True)
class PoolUse:
    """`in_use` of `limit` slots of the agents that are well; `sick` counts the others by what ails them."""

    in_use: int
    limit: int
    sick: dict[str, int]


def use_of(tenant_id: UUID, channel: str, pool_id: str) -> PoolUse:
    """How busy the agents of a pool are; the pool `standalone` holds those that are in none."""
    members = list(
        Agent.system.filter(tenant_id=tenant_id, channel=channel, pool_id="" if pool_id == STANDALONE else pool_id)
    )
    now = leases.situation(tenant_id, members)
    ailments = {agent.pk: now.sickness(agent) for agent in members}
    well = [agent for agent in members if not ailments[agent.pk]]
    return PoolUse(
        in_use=sum(now.in_use.get(agent.pk, 0) for agent in well),
        limit=sum(agent.concurrency_limit for agent in well),
        sick=dict(Counter(ailment for ailment in ailments.values() if ailment)),
    )
