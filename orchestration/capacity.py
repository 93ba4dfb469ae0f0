"""Steps that wait for an agent, and who of them looks again when one could be taken (protocols 5.7).

A step that found nobody waits with what it needs. The best one (priority, then age) is woken in the transaction that
makes a slot free; a run that is locked at that moment is woken right after it. The sweep finds what was missed.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from agents import choosing, leases, selectors
from agents.choosing import Choice, Need, subject_name
from agents.models import Agent, AgentLease
from langorch.lib import clock
from orchestration import events, waits
from orchestration.choices import WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.models import Run, Wait
from procedures.ckp.versions import padded, read_range

MOST_LOOKED_AT: Final = 500
MOST_PER_REF: Final = 20
IDLE_SECONDS: Final = 1.0
_next_sweep: Final = [0.0]


def missing_ref(name: str, action: str) -> str:
    """What a step waits for to which nobody offers its action."""
    return f"agent:{name}/{action}"[:300]


def pool_ref(channel: str, pool_id: str) -> str:
    """What a step waits for while all agents are busy or sick; the pool is the first that it would be served by."""
    return f"pool:{channel}/{pool_id}"


def needs_of(need: Need, version: str | None, stays_with: str = "") -> dict[str, Any]:
    """A need as it stands on its wait; `stays_with` is the agent that the run stays with while it is well."""
    return {
        "name": need.name,
        "action": need.action,
        "pool": need.pool,
        "version": version,
        "project": str(need.project_id) if need.project_id else None,
        "only": need.only,
        "stays_with": stays_with,
    }


def need_of(tenant_id: UUID, needs: dict[str, Any]) -> Need:
    """The need that stands on a wait."""
    project = UUID(needs["project"]) if needs["project"] else None
    return Need(
        tenant_id, project, needs["name"], needs["action"], needs["pool"], accepts(needs["version"]), needs["only"]
    )


def accepts(version: str | None) -> Callable[[str], bool] | None:
    """Which versions of a capability fit a range; none for all. Raises `PinFault`."""
    if not version:
        return None
    wanted = read_range(version)
    return lambda offered: wanted.accepts(padded(offered))


class Waiters:
    """The steps that wait, as agents know them (`agents.ports.Waiters`)."""

    def wake(self, agent: Agent, most: int) -> None:
        """Let the `most` best steps that could use `agent` look again; same transaction as what made it free."""
        missed = 0
        for wait in _could_use(agent):
            if most <= 0:
                return
            if _wake(wait, agent.agent_id, at_once=True):
                most -= 1
            else:
                missed += 1
        if missed:
            transaction.on_commit(partial(_wake_missed, agent.pk, min(most, missed)), robust=True)

    def tell_revoked(self, lease: AgentLease, by: str) -> None:
        """Write that somebody took a lease away."""
        told = {"lease_id": str(lease.pk), "agent_id": lease.agent.agent_id, "by": by}
        event = NewEvent("lease_revoked", told, lease.node_id, lease.step_id, lease.path)
        if Run.system.select_for_update().filter(pk=lease.run_id).exists():
            events.append(lease.run_id, [event])


def sweep() -> int:
    """Free what nobody holds any more, and let steps look again that could be served; how many."""
    return leases.sweep() + sum(_serve(tenant_id, ref) for tenant_id, ref in _refs())


def sweep_if_due() -> int:
    """As `sweep`, at most once a second and process."""
    now = clock.monotonic()
    if now < _next_sweep[0]:
        return 0
    _next_sweep[0] = now + IDLE_SECONDS
    return sweep()


def _refs() -> list[tuple[UUID, str]]:
    waiting = _waiting().order_by().values_list("run__tenant_id", "ref").distinct()
    return list(waiting[:MOST_LOOKED_AT])


def _serve(tenant_id: UUID, ref: str) -> int:
    """Wake the best steps that wait for one thing, as long as there are agents for them."""
    woken, ahead, hopeless = 0, Counter[UUID](), list[Any]()
    for wait in _best(_waiting().filter(run__tenant_id=tenant_id, ref=ref))[:MOST_PER_REF]:
        needs = wait.needs or {}
        choice = None if needs in hopeless else _choice(tenant_id, needs, ahead)
        if choice is None:
            hopeless.append(needs)
        elif _wake(wait, choice.agent.agent_id, at_once=True):
            ahead[choice.agent.pk] += 1
            woken += 1
    return woken


def _choice(tenant_id: UUID, needs: dict[str, Any], ahead: Counter[UUID]) -> Choice | None:
    """Whom a step could have now; `ahead` counts the slots that others were woken for."""
    need = need_of(tenant_id, needs)
    agents = list(selectors.called(tenant_id, need.project_id, need.name, need.pool))
    now = leases.situation(tenant_id, agents)
    faithful = {agent.pk: clock.now() for agent in agents if subject_name(agent) == needs["stays_with"]}
    in_use = Counter(now.in_use) + ahead
    return choosing.choose(agents, choosing.offering(agents, need), replace(now, in_use=in_use, served=faithful))


def _could_use(agent: Agent) -> Iterator[Wait]:
    """The steps that wait for an agent such as this one, the best first."""
    channel, own_id = agent.channel, subject_name(agent)
    meant = Q(ref__startswith=f"pool:{channel}/") | Q(ref__startswith=f"agent:{channel}/")
    meant |= Q(ref__startswith=f"agent:{own_id}/")
    waiting = list(_best(_waiting().filter(meant, run__tenant_id=agent.tenant_id))[:MOST_LOOKED_AT])
    serves = set(map(str, agent.projects.values_list("pk", flat=True))) if waiting else set()
    for wait in waiting:
        if _fits(agent, wait.needs or {}, serves):
            yield wait


def _fits(agent: Agent, needs: dict[str, Any], serves: set[str]) -> bool:
    own_id = subject_name(agent)
    if needs["name"] not in (agent.channel, own_id) or needs["stays_with"] not in ("", own_id):
        return False
    if (needs["pool"] and needs["pool"] != agent.pool_id) or (serves and needs["project"] not in serves):
        return False
    return bool(choosing.offering([agent], need_of(agent.tenant_id, needs)))


def _wake(wait: Wait, agent_id: str, *, at_once: bool) -> bool:
    """Close a wait and let its run go on; False when its run is locked now, or it was closed before."""
    with transaction.atomic():
        locked = Run.system.select_for_update(skip_locked=at_once).filter(pk=wait.run_id)
        if not list(locked.values_list("pk")):
            return False
        return waits.signal(
            waits.Signal(wait.run_id, wait.path, WaitKind.CAPACITY, {"agent_id": agent_id}, by=agent_id, ref=wait.ref)
        )


def _wake_missed(agent_pk: UUID, most: int) -> None:
    for agent in Agent.system.filter(pk=agent_pk):
        for wait in list(_could_use(agent))[:most]:
            _wake(wait, agent.agent_id, at_once=False)


def _waiting() -> QuerySet[Wait]:
    return Wait.objects.filter(kind=WaitKind.CAPACITY, state=WaitState.OPEN, needs__isnull=False)


def _best(waiting: QuerySet[Wait]) -> QuerySet[Wait]:
    return waiting.order_by("-run__job__priority", "since", "pk")
