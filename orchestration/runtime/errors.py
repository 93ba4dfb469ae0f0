"""The classes of errors: older names, families, what is retried; and how a handler matches (runtime 11, CKP 2.3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from orchestration.runtime.outcomes import Error
from procedures.ckp.document import ErrorHandler, ErrorTrigger, RetryPolicy


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """What is known of a class: its names in older documents, and whether it is retried unless a policy says so."""

    older: tuple[str, ...] = ()
    retried: bool = False


def _classes(names: str, older: tuple[str, ...] = (), *, retried: bool = False) -> dict[str, ErrorClass]:
    return {name: ErrorClass(older, retried) for name in names.split()}


CLASSES: Final[dict[str, ErrorClass]] = {
    **_classes("timeout callback_timeout", ("TimeoutError", "TimeoutException"), retried=True),
    **_classes("agent_error agent_unreachable agent_busy", ("AgentActionError",), retried=True),
    **_classes("agent_protocol agent_rejected", ("AgentActionError",)),
    **_classes("no_executor", ("NoExecutorError",)),
    **_classes("capacity_timeout rate_limited", ("RuntimeError",), retried=True),
    **_classes("mcp_error", ("MCPToolError",), retried=True),
    **_classes("llm_error llm_rate_limited", ("LLMCallError",), retried=True),
    **_classes("llm_rejected llm_refused llm_truncated llm_output_invalid llm_route_invalid", ("LLMCallError",)),
    **_classes("budget_exceeded policy_denied price_unknown"),
    **_classes("undefined_value expression_error invalid_value", ("ValueError", "KeyError")),
    **_classes(
        """verification_failed validation_failed no_route not_a_list loop_limit visit_limit all_branches_failed
        subflow_failed subflow_contract subflow_recursion""",
        ("RuntimeError",),
    ),
    **_classes("secret_unavailable artifact_store", retried=True),
    **_classes("secret_missing result_too_large state_too_large"),
    **_classes("node_timeout run_timeout queue_timeout sla_breached approval_timeout", ("TimeoutError",)),
    **_classes("effect_unknown idempotency_mismatch checkpoint_unusable worker_lost terminated internal"),
}
FAMILIES: Final[dict[str, frozenset[str]]] = {
    "any_timeout": frozenset({"timeout", "callback_timeout", "node_timeout"}),
    "any_connection": frozenset({"agent_unreachable"}),
    "any_agent": frozenset(name for name in CLASSES if name.startswith("agent_")),
    "any_capacity": frozenset({"agent_busy", "capacity_timeout", "rate_limited", "no_executor"}),
    "any_llm": frozenset({"budget_exceeded", *(name for name in CLASSES if name.startswith("llm_"))}),
    "any_validation": frozenset(
        {"validation_failed", "verification_failed", "subflow_contract", "idempotency_mismatch"}
    ),
    "any_data": frozenset({"undefined_value", "expression_error", "invalid_value", "not_a_list"}),
}
_BLANKS: Final = str.maketrans("", "", "_-. ")


def is_type(error: Error, name: str) -> bool:
    """Whether `name` means this error: its class, an older name of it, the agent's types, or a family."""
    if name in FAMILIES:
        return error.error_class in FAMILIES[name] or _is_connection(error, name)
    known = CLASSES.get(error.error_class, ErrorClass())
    sent = [part for part in error.error_type.split(",") if part]
    return normal(name) in {normal(one) for one in (error.error_class, *known.older, *sent)}


def normal(name: str) -> str:
    """A name without case, blanks, marks and its ending; so TimeoutException, TimeoutError and timeout are one."""
    plain = name.lower().translate(_BLANKS)
    for ending in ("error", "exception"):
        if plain.endswith(ending) and plain != ending:
            return plain.removesuffix(ending)
    return plain


def handler_of(error: Error, handlers: Iterable[ErrorHandler]) -> tuple[int, ErrorHandler] | None:
    """The first handler that matches, with its place."""
    for place, handler in enumerate(handlers):
        typed = not handler.error_types or any(is_type(error, name) for name in handler.error_types)
        if typed and (handler.trigger is None or _triggers(error, handler.trigger)):
            return place, handler
    return None


def is_retried(error: Error, policy: RetryPolicy) -> bool:
    """Whether an error of this class is tried again under a policy; never when who failed says that it is of no use."""
    if error.retryable is False:
        return False
    if any(is_type(error, name) for name in policy.retry_on):
        return True
    if any(is_type(error, name) for name in policy.non_retryable_errors):
        return False
    return bool(error.retryable) or CLASSES.get(error.error_class, ErrorClass()).retried


def _is_connection(error: Error, family: str) -> bool:
    from_network = bool(error.details.get("network"))
    return family == "any_connection" and from_network and error.error_class in ("mcp_error", "llm_error")


def _triggers(error: Error, trigger: ErrorTrigger) -> bool:
    texts = _list(trigger.error_text_contains)
    if texts and not any(str(text).lower() in error.message.lower() for text in texts):
        return False
    codes = _list(trigger.error_code)
    if codes and error.code not in {str(code) for code in codes}:
        return False
    statuses = _list(trigger.http_status_codes)
    return not statuses or any(_has_status(error.http_status, status) for status in statuses)


def _has_status(status: int | None, wanted: object) -> bool:
    if status is None:
        return False
    low, _, high = str(wanted).partition("-")
    return int(low) <= status <= int(high or low)


def _list(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
