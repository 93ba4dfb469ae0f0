"""Worst case of one visit of a node that holds no other nodes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from procedures.ckp.amounts import Amount, Amounts, total
from procedures.ckp.costs import call_cost
from procedures.ckp.document.config import GlobalConfig
from procedures.ckp.document.nodes import (
    HumanApprovalNode,
    LlmActionNode,
    NodeBase,
    ProcessingNode,
    SequenceNode,
    TerminateNode,
)
from procedures.ckp.document.root import Document
from procedures.ckp.document.steps import ErrorHandler, Step
from procedures.ckp.durations import DurationFault, parse_duration
from procedures.ckp.effects import capabilities_of, is_call
from procedures.ckp.registry import Registry
from procedures.ckp.retries import handler_retries, node_retries, step_retries

CLEANUP_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class SystemLimits:
    """Limits of the installation that hold where a document says nothing; None where there is none."""

    call_timeout_ms: int | None = 120_000
    model_timeout_ms: int | None = 60_000
    callback_timeout_ms: int | None = 3_600_000
    max_repairs: int = 2
    default_max_tokens: int = 4_096


@dataclass(frozen=True, slots=True)
class Setting:
    """Where an amount is computed."""

    document: Document
    node_id: str
    registry: Registry
    limits: SystemLimits


def node_amounts(document: Document, node_id: str, registry: Registry, limits: SystemLimits) -> Amounts:
    """Worst case of a node, each visit under the node's own limit."""
    node = document.nodes[node_id]
    compute = _BY_TYPE.get(type(node))
    if compute is None:
        return Amounts()
    amounts = compute(node, Setting(document, node_id, registry, limits))
    given = node.timeout_ms if not isinstance(node, HumanApprovalNode) else None
    cap = given if isinstance(given, int) else node.timeout_policy.timeout_ms if node.timeout_policy else None
    once = replace(amounts, active_ms=amounts.active_ms.capped(cap if isinstance(cap, int) else None))
    return once.times(_visits(node, document.global_config))


def _sequence(node: SequenceNode, at: Setting) -> Amounts:
    steps = total(step_amounts(step, node, at) for step in node.steps)
    return steps + total(_handler(handler, node, at) for handler in node.error_handlers)


def _visits(node: NodeBase, config: GlobalConfig) -> int:
    """How often a node may be visited because a handler or a validation begins it anew."""
    if not isinstance(node, SequenceNode):
        return 1
    by_handler = any(handler.recovery_strategy == "retry_node" for handler in node.error_handlers)
    by_check = any(check.on_failure == "retry_node" for check in node.validations)
    return 1 + max(int(by_handler), len(node_retries(node, config)) if by_check else 0)


def step_amounts(step: Step, node: NodeBase, at: Setting) -> Amounts:
    """Attempts by their time-out, the delays between them, and the pauses around them."""
    delays = step_retries(step, node, at.document.global_config)
    pauses = _known(step.wait_ms, "wait_ms", step, at) + _known(step.wait_after_ms, "wait_after_ms", step, at)
    if not is_call(step, node):
        return Amounts(active_ms=pauses, waiting_ms=_waiting(step, at))
    return _attempts(step, node, at, 1 + len(delays)) + Amounts(active_ms=pauses + Amount(sum(delays)))


def _attempts(step: Step, node: NodeBase, at: Setting, count: int) -> Amounts:
    """So many attempts of a call; those that wait for a callback take no time at work."""
    parked = _is_parked(step, node, at)
    time = _attempt(step, at, at.limits.callback_timeout_ms if parked else at.limits.call_timeout_ms).times(count)
    return Amounts(waiting_ms=time) if parked else Amounts(active_ms=time)


def _attempt(step: Step, at: Setting, limit: int | None) -> Amount:
    given = step.timeout_ms
    if given is None and step.timeout_policy:
        given = step.timeout_policy.timeout_ms
    if given is None:
        given = limit
    if not isinstance(given, int):
        return Amount(0, (f"the call '{at.node_id}/{step.step_id}' has no known time-out",))
    return Amount(given)


def _is_parked(step: Step, node: NodeBase, at: Setting) -> bool:
    """Whether a call waits for a callback."""
    mode = step.workflow_dispatch_mode or node.dispatch_mode or at.document.global_config.workflow_dispatch_mode
    offered = capabilities_of(step, node, at.registry) or ()
    return mode != "sync" and any(one.kind == "workflow" for one in offered)


def _known(value: Any, name: str, step: Step, at: Setting) -> Amount:
    if isinstance(value, int):
        return Amount(value)
    return Amount(0, (f"'{name}' of '{at.node_id}/{step.step_id}' is known only at run time",))


def _waiting(step: Step, at: Setting) -> Amount:
    """Time of the steps that wait."""
    unknown = Amount(0, (f"how long '{at.node_id}/{step.step_id}' waits is known only at run time",))
    if step.action == "wait_until":
        return unknown
    if step.action != "wait":
        return Amount()
    given = step.parameters.get("duration_ms")
    if isinstance(given, int):
        return Amount(given)
    length = duration_ms(step.parameters.get("duration"))
    return unknown if length is None else Amount(length)


def duration_ms(text: Any) -> int | None:
    """A duration in milliseconds; None when it is no text or holds templates."""
    try:
        return parse_duration(text).milliseconds if isinstance(text, str) else None
    except DurationFault:
        return None


def _handler(handler: ErrorHandler, node: SequenceNode, at: Setting) -> Amounts:
    """Further attempts of every call, each counted anew, and the steps that recover each time the handler acts."""
    calls = [step for step in node.steps if is_call(step, node)]
    delays = [handler_retries(handler, node, at.document.global_config, step) for step in calls]
    tries = (_attempts(step, node, at, len(pauses)) for step, pauses in zip(calls, delays, strict=True))
    goes_on = handler.action == "ignore" or handler.recovery_strategy == "continue"
    acts = sum(map(len, delays)) + (len(calls) if goes_on else 1)
    recovery = total(step_amounts(step, node, at) for step in handler.recovery_steps).times(acts)
    return recovery + total(tries) + Amounts(active_ms=Amount(sum(map(sum, delays))))


def _model(node: LlmActionNode, at: Setting) -> Amounts:
    config = at.document.global_config
    capped = config.max_cost_usd is not None or node.max_cost_usd is not None or config.llm_budget is not None
    cost = call_cost(at.document, node, at.registry, at.limits.default_max_tokens if capped else None)
    delays = node_retries(node, config)
    calls = (1 + len(delays)) * (1 + _repairs(node, at.limits))
    reasons = tuple(f"{reason} at '{at.node_id}'" for reason in cost.reasons)
    money = Amount(0, reasons) if cost.cost_usd is None else Amount(cost.cost_usd)
    missing = () if cost.answer_tokens is not None else (f"no max_tokens at '{at.node_id}'",)
    tokens = Amount(cost.prompt_tokens + (cost.answer_tokens or 0), missing)
    timeout = node.timeout_ms if isinstance(node.timeout_ms, int) else at.limits.model_timeout_ms
    time = Amount(0, (f"no time-out at '{at.node_id}'",)) if timeout is None else Amount(timeout)
    return Amounts(
        money.times(calls).capped(node.max_cost_usd),
        tokens.times(calls),
        time.times(calls) + Amount(sum(delays)),
    )


def _repairs(node: LlmActionNode, limits: SystemLimits) -> int:
    if not (node.json_mode or node.output_schema is not None or node.orchestration_mode):
        return 0
    given = node.repair.max_attempts if node.repair else None
    return limits.max_repairs if given is None else min(given, limits.max_repairs)


def _approval(node: HumanApprovalNode, at: Setting) -> Amounts:
    """The due time, once more for each step of the escalation that waits anew."""
    given = node.timeout_ms if isinstance(node.timeout_ms, int) else duration_ms(node.due_in)
    if given is None:
        return Amounts(waiting_ms=Amount(0, (f"the approval '{at.node_id}' has no known due time",)))
    untimed = [step for step in node.escalation if step.after is None and step.before_due is None]
    again = len(untimed) + bool(node.escalation_contact) if node.timeout_action == "escalate" else 0
    return Amounts(waiting_ms=Amount(given).times(1 + again))


def _processing(node: ProcessingNode, at: Setting) -> Amounts:
    notices = sum(operation.action == "notify" for operation in node.operations)
    limit = at.limits.call_timeout_ms
    if limit is None and notices:
        return Amounts(active_ms=Amount(0, (f"the notices of '{at.node_id}' have no time-out",)))
    return Amounts(active_ms=Amount(notices * (limit or 0)))


def _terminate(node: TerminateNode, at: Setting) -> Amounts:
    ending = [*node.cleanup_actions, *(node.error_actions if node.status == "failed" else ())]
    limits = replace(at.limits, call_timeout_ms=CLEANUP_MS)
    return total(step_amounts(step, node, replace(at, limits=limits)) for step in ending)


_BY_TYPE: Final[dict[type[NodeBase], Callable[[Any, Setting], Amounts]]] = {
    SequenceNode: _sequence,
    LlmActionNode: _model,
    HumanApprovalNode: _approval,
    ProcessingNode: _processing,
    TerminateNode: _terminate,
}
