"""A call of an agent and what comes of it (protocols 2). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

IN_DOUBT: Final = frozenset({"timeout", "agent_unreachable"})
"""Classes after which nobody knows whether the effect happened."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of one step, as the agent is told of it. `params` hold what is sent, secrets included."""

    action: str
    params: Mapping[str, Any]
    run_id: UUID
    node_id: str
    step_id: str
    path: str
    attempt: int
    idempotency_key: str
    dispatch_id: UUID
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Replied:
    """The agent's answer: `result` may be null."""

    result: Any
    artifacts: Any = None
    capabilities_version: str = ""


class CallFault(Exception):
    """An attempt that failed. Its class is one of runtime 11.

    `retryable` is false when the agent says that trying again is of no use; `retry_after` are seconds. `sick` says
    that the failure counts against the agent.
    """

    def __init__(
        self,
        error_class: str,
        message: str,
        *,
        error_type: str = "",
        http_status: int | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
        artifacts: Any = None,
        sick: bool = False,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.error_type = error_type
        self.http_status = http_status
        self.retryable = retryable
        self.retry_after = retry_after
        self.details = dict(details or {})
        self.artifacts = artifacts
        self.sick = sick
        self.sent = sent

    @property
    def in_doubt(self) -> bool:
        """Whether the effect may have happened all the same."""
        return self.sent and self.error_class in IN_DOUBT
