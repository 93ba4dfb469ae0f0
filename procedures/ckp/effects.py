"""What a step does to the world: internal or call, side effect, agent (CKP 2.1)."""

from typing import Any, Final

from procedures.ckp.actions import ACTIONS
from procedures.ckp.document.nodes import NodeBase
from procedures.ckp.document.steps import Step
from procedures.ckp.records import SHOWN_AGENTS, internal_action
from procedures.ckp.registry import Capability, Registry

_READING: Final = (
    "get",
    "read",
    "list",
    "search",
    "extract",
    "fetch",
    "find",
    "lookup",
    "check",
    "count",
    "wait_for",
)
_READS: Final = frozenset({"navigate", "scroll_to_element", "screenshot", "take_screenshot"})


def agent_of(step: Step, node: NodeBase) -> str | None:
    """The channel or agent that a step names, or its node's, in lower case; None without one."""
    agent = (step.agent or node.agent or "").strip()
    return agent.lower() or None


def is_internal(step: Step, node: NodeBase) -> bool:
    """Whether LangOrch carries the step out itself."""
    agent = node.agent if node.agent and node.agent.strip().lower() not in SHOWN_AGENTS else None
    raw: dict[str, Any] = {"action": step.action, "agent": step.agent, "binding": step.binding}
    return internal_action(raw, agent) is not None


def is_call(step: Step, node: NodeBase) -> bool:
    """Whether a step leaves the house."""
    return not is_internal(step, node) or ACTIONS[step.action].call


def capabilities_of(step: Step, node: NodeBase, registry: Registry) -> tuple[Capability, ...] | None:
    """Who offers the action of a step now; None when that is not known."""
    agent = agent_of(step, node)
    if agent is None or "{{" in agent:
        return None
    found = registry.capabilities(agent, step.action, step.pool)
    return None if found is None else tuple(found)


def side_effect(step: Step, node: NodeBase, registry: Registry) -> str:
    """none, read, write or irreversible: as the step says, as a capability declares, else by the action's name."""
    if step.side_effect:
        return step.side_effect
    if is_internal(step, node):
        return "write" if ACTIONS[step.action].call else "none"
    declared = {capability.side_effect for capability in capabilities_of(step, node, registry) or ()}
    for effect in ("irreversible", "write", "read", "none"):
        if effect in declared:
            return effect
    return default_side_effect(step.action)


def default_side_effect(action: str) -> str:
    """The side effect that the name of an action suggests."""
    last = action.rpartition(".")[2]
    return "read" if last.startswith(_READING) or last in _READS else "write"
