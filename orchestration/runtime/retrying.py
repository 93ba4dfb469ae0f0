"""How often and after what delay something is tried again (CKP 2.2, runtime 10). Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from procedures.ckp.document import GlobalConfig, RetryPolicy
from procedures.ckp.document.base import (
    DEFAULT_BASE_DELAY_MS,
    DEFAULT_MAX_DELAY_MS,
    DEFAULT_MAX_RETRIES,
    DEFAULT_MULTIPLIER,
)

LONGEST_RETRY_AFTER_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy with every value found. Delays are in milliseconds."""

    max_retries: int
    strategy: str
    base: float
    multiplier: float
    cap: float
    jitter: bool | float | str
    policy: RetryPolicy

    def delay(self, retry: int, seed: str, retry_after_ms: float = 0) -> float:
        """The delay before the `retry`-th retry (from 1). `seed` makes its jitter, so it can be computed again."""
        plain = min(self._growth(retry), self.cap)
        return max(_jittered(plain, self.jitter, _chance(seed)), min(retry_after_ms, LONGEST_RETRY_AFTER_MS))

    def _growth(self, retry: int) -> float:
        if self.strategy == "fixed":
            return self.base
        if self.strategy == "linear":
            return self.base * retry
        if self.strategy == "fibonacci":
            return self.base * _fibonacci(retry)
        return self.base * min(self.multiplier ** (retry - 1), 1e12)


def plan(places: Sequence[RetryPolicy | None], config: GlobalConfig) -> Plan:
    """Each value from the first of the places that has it, then from the document, then the default."""
    flat = RetryPolicy(
        max_retries=config.max_retries, base_delay_ms=config.retry_delay_ms, multiplier=config.backoff_multiplier
    )
    policies = [policy for policy in (*places, config.retry_policy, flat) if policy is not None]

    def first(name: str, default: Any) -> Any:
        return next((found for policy in policies if (found := getattr(policy, name)) is not None), default)

    def listed(name: str) -> list[str]:
        return next((found for policy in policies if (found := getattr(policy, name))), [])

    lists = RetryPolicy(retry_on=listed("retry_on"), non_retryable_errors=listed("non_retryable_errors"))
    return Plan(
        first("max_retries", DEFAULT_MAX_RETRIES),
        first("strategy", "exponential_backoff"),
        first("base_delay_ms", DEFAULT_BASE_DELAY_MS),
        first("multiplier", DEFAULT_MULTIPLIER),
        first("max_delay_ms", DEFAULT_MAX_DELAY_MS),
        first("jitter", False),
        lists,
    )


def _fibonacci(number: int) -> int:
    low, high = 1, 1
    for _ in range(number - 1):
        low, high = high, low + high
    return low


def _jittered(delay: float, jitter: bool | float | str, chance: float) -> float:
    if jitter == "equal":
        return delay / 2 * (1 + chance)
    if jitter == "full":
        return delay * chance
    part = 0.1 if jitter is True else float(jitter)
    return delay * (1 - part + 2 * part * chance)


def _chance(seed: str) -> float:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") / 2**64
