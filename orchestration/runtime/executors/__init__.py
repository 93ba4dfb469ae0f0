"""One file per node type; each has `execute(node, context) -> Outcome` and is pure."""

from collections.abc import Callable
from typing import Any, Final

from orchestration.runtime.context import Context
from orchestration.runtime.executors import (
    human_approval,
    llm_action,
    logic,
    loop,
    parallel,
    processing,
    sequence,
    subflow,
    terminate,
    transform,
    verification,
)
from orchestration.runtime.outcomes import Outcome

Executor = Callable[[Any, Context], Outcome]

EXECUTORS: Final[dict[str, Executor]] = {
    "sequence": sequence.execute,
    "logic": logic.execute,
    "loop": loop.execute,
    "parallel": parallel.execute,
    "processing": processing.execute,
    "transform": transform.execute,
    "verification": verification.execute,
    "human_approval": human_approval.execute,
    "llm_action": llm_action.execute,
    "subflow": subflow.execute,
    "terminate": terminate.execute,
}
