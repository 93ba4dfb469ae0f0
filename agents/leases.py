"""Slots of agents: taking one for an attempt of a step, giving it back, and what happens when nobody does.

Who takes a slot locks all agents that could serve, in the order of their keys; who gives one back locks its agent. So
a step that finds nothing free and then waits is seen by whoever frees a slot after it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from agents import breaker, ports, selectors
from agents.capabilities import Offer
from agents.choices import CircuitKind
from agents.choosing import Choice, Need, Situation, bound_to, choose, offering, pools, subject_name
from agents.models import Agent, AgentLease, ResourceLimit
from langorch.lib import ids

log = structlog.get_logger(__name__)

AT_ONCE: Final = 200
BY_EXPIRY: Final = "expiry"
BY_LATER_ATTEMPT: Final = "a later attempt"
BY_RUN_END: Final = "the end of the run"


@dataclass(frozen=True, slots=True)
class Holder:
    """The attempt that holds a slot."""

    run_id: UUID
    node_id: str
    path: str
    step_id: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A slot. `dispatch_id` names the attempt to the agent; `lost` is set when the run had to leave another agent."""

    lease_id: UUID
    dispatch_id: UUID
    agent: Agent
    offer: Offer
    lost: tuple[Agent, str] | None = None


@dataclass(frozen=True, slots=True)
class Full:
    """Agents offer the action, but none that is well has a free slot.

    The first pool is the one waited for; `stays_with` is the agent that the run stays with, when it is well but busy.
    `well` counts the agents that are, whatever their pool; `sick` says how many are not, and why.
    """

    channel: str
    pool_id: str
    resource_key: str
    agent_id: str
    in_use: int
    limit: int
    stays_with: str = ""
    well: int = 0
    sick: Mapping[str, int] = field(default_factory=dict)


class Missing:
    """Nobody is registered that offers the action."""


def take(need: Need, holder: Holder, *, again: bool) -> Taken | Full | Missing:
    """Take a slot for an attempt. Call it inside a transaction.

    `again` says that an earlier attempt may still hold one, which it then loses.
    """
    if again:
        _end(
            selectors.live_leases().filter(run_id=holder.run_id, path=holder.path, step_id=holder.step_id),
            BY_LATER_ATTEMPT,
        )
    called = selectors.called(need.tenant_id, need.project_id, need.name, need.pool)
    agents = list(called.select_for_update(of=("self",)).order_by("pk"))
    offers = offering(agents, need)
    if not offers:
        return Missing()
    now = situation(need.tenant_id, [agent for agent in agents if agent.pk in offers], holder.run_id, lock=True)
    while (choice := choose(agents, offers, now)) is not None:
        if choice.probe is None or breaker.claim_probe(choice.probe):
            return _lease(choice, holder, max(agent.last_dispatch for agent in agents) + 1)
        now = _without_probe(now, choice.agent)
    return _full([agent for agent in agents if agent.pk in offers], now)


def situation(tenant_id: UUID, agents: Sequence[Agent], run_id: UUID | None = None, *, lock: bool = False) -> Situation:
    """What is known of these agents now, and who served a run; `lock` holds the limits of their resources."""
    keys = {agent.resource_key for agent in agents}
    limited = ResourceLimit.system.filter(tenant_id=tenant_id, resource_key__in=keys)
    rows = limited.select_for_update().order_by("pk") if lock else limited
    limits = dict(rows.values_list("resource_key", "concurrency_limit"))
    sharing = selectors.live_leases().filter(tenant_id=tenant_id, resource_key__in=limits)
    return Situation(
        in_use=_counted("agent", selectors.live_leases().filter(agent__in=[agent.pk for agent in agents])),
        limits=limits,
        resources=_counted("resource_key", sharing) if limits else {},
        barred=breaker.barred(tenant_id, CircuitKind.AGENT),
        served=_served(run_id) if run_id else {},
    )


def release(lease_id: UUID, agent_id: UUID, ended_by: str = "") -> bool:
    """Give a slot back, and let the best step that waits for one look again; whether it was still held.

    Call it inside a transaction.
    """
    agent = Agent.system.select_for_update().get(pk=agent_id)
    if not _end(AgentLease.system.filter(pk=lease_id, released_at=None), ended_by):
        return False
    ports.waiters().wake(agent, 1)
    return True


def release_run(run_id: UUID, ended_by: str = BY_RUN_END) -> int:
    """Give back every slot that a run still holds; how many. Call it inside a transaction."""
    held = _unreleased().filter(run_id=run_id).order_by("agent_id").values_list("pk", "agent_id")
    return sum(release(lease_id, agent_id, ended_by) for lease_id, agent_id in held)


def renew(lease_ids: Collection[UUID]) -> set[UUID]:
    """Hold slots for longer; those that are lost."""
    held = _unreleased().filter(pk__in=lease_ids)
    if held.update(expires_at=_expiry()) == len(lease_ids):
        return set()
    return set(lease_ids) - set(held.values_list("pk", flat=True))


def sweep() -> int:
    """Free every slot whose holder has not been heard of in time; how many."""
    expired = _unreleased().filter(expires_at__lt=Now()).order_by("expires_at")
    return sum(_expire(*found) for found in expired.values_list("pk", "agent_id")[:AT_ONCE])


def anything_expired() -> bool:
    """Whether there is something to sweep."""
    return _unreleased().filter(expires_at__lt=Now()).exists()


@transaction.atomic
def _expire(lease_id: UUID, agent_id: UUID) -> int:
    agent = Agent.system.select_for_update().get(pk=agent_id)
    if not _end(AgentLease.system.filter(pk=lease_id, released_at=None, expires_at__lt=Now()), BY_EXPIRY):
        return 0
    log.warning("lease_expired", agent_id=agent.agent_id, lease_id=str(lease_id))
    ports.waiters().wake(agent, 1)
    return 1


def _lease(choice: Choice, holder: Holder, number: int) -> Taken:
    agent = choice.agent
    Agent.system.filter(pk=agent.pk).update(last_dispatch=number, fence=agent.fence + 1)
    lease = AgentLease(
        id=ids.uuid7(),
        tenant_id=agent.tenant_id,
        agent=agent,
        resource_key=agent.resource_key,
        run_id=holder.run_id,
        node_id=holder.node_id,
        path=holder.path,
        step_id=holder.step_id,
        dispatch_id=ids.uuid7(),
        fence=agent.fence + 1,
        acquired_at=Now(),
        expires_at=_expiry(),
    )
    AgentLease.system.bulk_create([lease])
    return Taken(lease.pk, lease.dispatch_id, agent, choice.offer, choice.lost)


def _full(agents: Sequence[Agent], now: Situation) -> Full:
    pool_id, members = next(pools(agents))
    faithful = bound_to(agents, now)
    sick = Counter(ailment for agent in agents if (ailment := now.sickness(agent)))
    return Full(
        channel=members[0].channel,
        pool_id=pool_id,
        resource_key=members[0].resource_key,
        agent_id=members[0].agent_id,
        in_use=sum(now.in_use.get(agent.pk, 0) for agent in members),
        limit=sum(agent.concurrency_limit for agent in members),
        stays_with=subject_name(faithful) if faithful and not now.sickness(faithful) else "",
        well=len(agents) - sick.total(),
        sick=sick,
    )


def _without_probe(now: Situation, agent: Agent) -> Situation:
    barred = {**now.barred, subject_name(agent): None}
    return Situation(now.in_use, now.limits, now.resources, barred, now.served)


def _served(run_id: UUID) -> dict[UUID, datetime]:
    """The agents that served a run, and when each did last."""
    leases = AgentLease.system.filter(run_id=run_id).order_by()
    return dict(leases.values_list("agent_id").annotate(Max("acquired_at")))


def _counted(name: str, leases: QuerySet[AgentLease]) -> dict[Any, int]:
    return dict(leases.order_by().values_list(name).annotate(Count("pk")))


def _end(leases: QuerySet[AgentLease], ended_by: str) -> int:
    return leases.update(released_at=Now(), ended_by=ended_by)


def _unreleased() -> QuerySet[AgentLease]:
    return AgentLease.system.filter(released_at=None)


def _expiry() -> Combinable:
    return Now() + timedelta(seconds=settings.ENV.LEASE_TTL_SECONDS)
