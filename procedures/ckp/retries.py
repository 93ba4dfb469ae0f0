"""How often and after what delays something is tried again, jitter aside (CKP 2.2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from procedures.ckp.document.base import (
    DEFAULT_BASE_DELAY_MS,
    DEFAULT_MAX_DELAY_MS,
    DEFAULT_MAX_RETRIES,
    DEFAULT_MULTIPLIER,
    RetryPolicy,
)
from procedures.ckp.document.config import GlobalConfig
from procedures.ckp.document.nodes import NodeBase
from procedures.ckp.document.steps import ErrorHandler, Step


@dataclass(frozen=True, slots=True)
class Retries:
    """A policy with every value found."""

    max_retries: int
    strategy: str
    base_delay_ms: float
    multiplier: float
    max_delay_ms: float

    @property
    def delays_ms(self) -> list[int]:
        """The delay before each retry, capped."""
        return [round(min(self._delay(retry), self.max_delay_ms)) for retry in range(1, self.max_retries + 1)]

    def _delay(self, retry: int) -> float:
        if self.strategy == "fixed":
            return self.base_delay_ms
        if self.strategy == "linear":
            return self.base_delay_ms * retry
        if self.strategy == "fibonacci":
            return self.base_delay_ms * fibonacci(retry)
        return self.base_delay_ms * min(self.multiplier ** (retry - 1), 1e12)


def fibonacci(number: int) -> int:
    """1, 1, 2, 3, 5 …"""
    low, high = 1, 1
    for _ in range(number - 1):
        low, high = high, low + high
    return low


def policy_of(places: Iterable[RetryPolicy | None], config: GlobalConfig) -> Retries:
    """Each value from the first place that has it, then from the document, then the default."""
    flat = RetryPolicy(
        max_retries=config.max_retries, base_delay_ms=config.retry_delay_ms, multiplier=config.backoff_multiplier
    )
    policies = [policy for policy in (*places, config.retry_policy, flat) if policy is not None]

    def first(name: str, default: Any) -> Any:
        return next((found for policy in policies if (found := getattr(policy, name)) is not None), default)

    return Retries(
        first("max_retries", DEFAULT_MAX_RETRIES),
        first("strategy", "exponential_backoff"),
        first("base_delay_ms", DEFAULT_BASE_DELAY_MS),
        first("multiplier", DEFAULT_MULTIPLIER),
        first("max_delay_ms", DEFAULT_MAX_DELAY_MS),
    )


def step_retries(step: Step, node: NodeBase, config: GlobalConfig) -> list[int]:
    """The delays of a step's own retries; none when it does not retry."""
    return policy_of((step.retry_config, node.retry), config).delays_ms if step.retries else []


def handler_retries(handler: ErrorHandler, node: NodeBase, config: GlobalConfig, step: Step | None = None) -> list[int]:
    """The delays of a handler's retries, of one step where its own policy counts too; none for another action."""
    if handler.action != "retry":
        return []
    own = RetryPolicy(max_retries=handler.max_retries, base_delay_ms=handler.delay_ms)
    return policy_of((own, handler.retry_policy, step.retry_config if step else None, node.retry), config).delays_ms


def node_retries(node: NodeBase, config: GlobalConfig) -> list[int]:
    """The delays of a node that is tried again as a whole: a model's call, a child, a branch."""
    return policy_of((node.retry,), config).delays_ms
