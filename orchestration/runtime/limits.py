"""Limits of time: of a visit, of the visits that own it, and of the run (runtime 10). Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from langorch.lib import clock
from orchestration.time_left import RECOVERY_SECONDS
from procedures.ckp.document import GlobalConfig, HumanApprovalNode, Node

Scope = Literal["node", "sla", "run"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Something must have ended by `at`, in seconds of this machine's own clock.

    `path` is the visit's that it limits, empty for the run; `milliseconds` is its length.
    """

    scope: Scope
    path: str
    at: float
    milliseconds: float


class LimitPassed(Exception):
    """A limit of the visit at hand, of one that owns it, or of the run has passed."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(f"{limit.scope} {limit.path}".strip())
        self.limit = limit


def nearest(*limits: Limit | None) -> Limit | None:
    """The one that passes first; at a tie the first named."""
    return min((limit for limit in limits if limit is not None), key=lambda limit: limit.at, default=None)


def here(moment: datetime) -> float:
    """A moment on this machine's own clock, in seconds."""
    return clock.monotonic() + (moment - clock.now()).total_seconds()


def run_limit(config: GlobalConfig, active_from: datetime) -> Limit | None:
    """The limit of a run's active time, which counts from `active_from`."""
    if config.timeout_ms is None:
        return None
    return Limit("run", "", here(active_from) + config.timeout_ms / 1000, config.timeout_ms)


def extended(limit: Limit | None, recovered_at: float) -> Limit | None:
    """The run's limit once it goes on at its on_failure: that has at least a minute."""
    return None if limit is None else replace(limit, at=max(limit.at, recovered_at + RECOVERY_SECONDS))


def timeout_of(node: Node) -> tuple[int | str | None, tuple[str, ...]]:
    """How long a visit of the node may take, in milliseconds, as written; and where that stands.

    A decision has a due time of its own.
    """
    if isinstance(node, HumanApprovalNode):
        return None, ()
    if node.timeout_ms is not None:
        return node.timeout_ms, ("timeout_ms",)
    policy = node.timeout_policy
    return (policy.timeout_ms, ("timeout_policy", "timeout_ms")) if policy else (None, ())
