"""What operators want of agents; it says nothing about what they are observed to do."""

from django.db import transaction

from agents import ports
from agents.choices import DesiredState
from agents.models import Agent
from tenants import audit
from tenants.actor import Actor


def pause_agent(actor: Actor, agent: Agent, reason: str = "") -> Agent:
    """Nothing is sent to the agent any more; what it works on goes on. Raises `Denied`."""
    return _want(actor, agent, DesiredState.PAUSED, "pause", reason)


def drain_agent(actor: Actor, agent: Agent, reason: str = "") -> Agent:
    """The agent takes nothing new. Raises `Denied`."""
    return _want(actor, agent, DesiredState.DRAINING, "drain", reason)


def resume_agent(actor: Actor, agent: Agent, reason: str = "") -> Agent:
    """The agent is used again, and those look again who wait for one. Raises `Denied`."""
    return _want(actor, agent, DesiredState.ACTIVE, "resume", reason)


@transaction.atomic
def _want(actor: Actor, agent: Agent, state: DesiredState, verb: str, reason: str) -> Agent:
    actor.require("agents.operate", agent)
    changed = Agent.system.select_for_update().get(pk=agent.pk)
    if changed.desired_state != state:
        changed.desired_state = state
        changed.save(update_fields=["desired_state", "updated_at"])
        text = f"Agent {agent} is {state.label.lower()}" + (f": {reason}" if reason else "")
        audit.record(actor, f"agent.{verb}", text, resource=("agent", agent.agent_id))
        if state == DesiredState.ACTIVE:
            ports.waiters().wake(changed, changed.concurrency_limit)
    return changed
