"""Which agent carries out a step (protocols 5). Pure: it decides on what was read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from agents import capabilities
from agents.capabilities import Offer
from agents.choices import Affinity, AgentStatus, DesiredState
from agents.models import Agent, Circuit

STANDALONE: Final = "standalone"
"""How agents without a pool are called, which come last."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a step asks for: `name` is a channel or an agent id, `accepts` says which versions fit, `only` is an agent
    id when no other agent will do."""

    tenant_id: UUID
    project_id: UUID | None
    name: str
    action: str
    pool: str | None = None
    accepts: Callable[[str], bool] | None = None
    only: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a channel at one moment: leases by agent and by limited resource, barred agents by their id
    (with their circuit, if a probe is due), and when agents served this run last."""

    in_use: Mapping[UUID, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    resources: Mapping[str, int] = field(default_factory=dict)
    barred: Mapping[str, Circuit | None] = field(default_factory=dict)
    served: Mapping[UUID, datetime] = field(default_factory=dict)

    def sickness(self, agent: Agent) -> str:
        """Why nothing is sent to an agent now, empty when it is well."""
        if agent.desired_state != DesiredState.ACTIVE:
            return agent.desired_state
        if agent.status != AgentStatus.ONLINE:
            return agent.status
        return "circuit open" if subject_name(agent) in self.barred else ""

    def probe(self, agent: Agent) -> Circuit | None:
        """The circuit of an agent to which a call may be sent as the probe."""
        wanted = agent.desired_state == DesiredState.ACTIVE and agent.status == AgentStatus.ONLINE
        return self.barred.get(subject_name(agent)) if wanted else None

    def free(self, agent: Agent) -> int:
        """How many slots of an agent are free, its resource considered."""
        own = agent.concurrency_limit - self.in_use.get(agent.pk, 0)
        limit = self.limits.get(agent.resource_key)
        shared = own if limit is None else limit - self.resources.get(agent.resource_key, 0)
        return max(min(own, shared), 0)


@dataclass(frozen=True, slots=True)
class Choice:
    """An agent with a free slot. `lost` is the agent that served the run before and does no longer, and why."""

    agent: Agent
    offer: Offer
    probe: Circuit | None = None
    lost: tuple[Agent, str] | None = None


def subject_name(agent: Agent) -> str:
    """How an agent's circuit calls it."""
    return agent.agent_id.lower()


def offering(agents: Sequence[Agent], need: Need) -> dict[UUID, Offer]:
    """The agents that offer what is needed, by their keys."""
    found = ((agent, capabilities.find(agent.capabilities, need.action)) for agent in agents)
    return {agent.pk: offer for agent, offer in found if offer is not None and _fits(agent, offer, need)}


def _fits(agent: Agent, offer: Offer, need: Need) -> bool:
    if need.only and subject_name(agent) != need.only.lower():
        return False
    return need.accepts is None or (offer.version is not None and need.accepts(offer.version))


def choose(agents: Sequence[Agent], offers: Mapping[UUID, Offer], now: Situation) -> Choice | None:
    """The agent to take; none when nobody who is well has a free slot.

    A well one is preferred to one that needs a probe.
    """
    candidates = [agent for agent in agents if agent.pk in offers]
    faithful = bound_to(candidates, now)
    lost = None
    if faithful is not None:
        sickness = now.sickness(faithful)
        if not sickness:
            return Choice(faithful, offers[faithful.pk]) if now.free(faithful) else None
        lost = (faithful, sickness)
    for agent in in_order(candidates):
        if not now.sickness(agent) and now.free(agent):
            return Choice(agent, offers[agent.pk], lost=lost)
    for agent in in_order(candidates):
        if (circuit := now.probe(agent)) is not None and now.free(agent):
            return Choice(agent, offers[agent.pk], circuit, lost if faithful is not agent else None)
    return None


def bound_to(candidates: Sequence[Agent], now: Situation) -> Agent | None:
    """The agent that served this run last, among those with which a run stays."""
    served = [agent for agent in candidates if agent.affinity == Affinity.RUN and agent.pk in now.served]
    return max(served, key=lambda agent: now.served[agent.pk], default=None)


def in_order(agents: Sequence[Agent]) -> Iterator[Agent]:
    """Pool by pool; inside a pool the agent first that was dispatched to longest ago."""
    for _, members in pools(agents):
        yield from sorted(members, key=lambda agent: (agent.last_dispatch, agent.pk))


def pools(agents: Sequence[Agent]) -> Iterator[tuple[str, list[Agent]]]:
    """Agents by pool, in the order in which pools are asked; those without one come last, as `standalone`."""
    ranked = sorted(agents, key=_rank)
    for (_, _, pool_id), members in groupby(ranked, key=_rank):
        yield pool_id or STANDALONE, list(members)


def _rank(agent: Agent) -> tuple[bool, int, str]:
    return (not agent.pool_id, agent.pool_priority if agent.pool_id else 0, agent.pool_id)
