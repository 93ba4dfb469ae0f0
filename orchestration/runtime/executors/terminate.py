"""terminate: the run ends, wherever this stands (CKP 2.12)."""

from collections.abc import Sequence
from typing import Final

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import End, Outcome, RunEnd, StepFailed, Suspended, Wait
from procedures.ckp.document import Step, TerminateNode

ACTION_MS: Final = 60_000


def execute(node: TerminateNode, ctx: Context) -> Outcome:
    """Tidy up, then end the run with the mapped outputs; without a mapping its variables are its outputs."""
    try:
        _carry_out(node.cleanup_actions, ctx, "cleanup_actions")
        if node.status == "failed":
            _carry_out(node.error_actions, ctx, "error_actions")
    except Suspended:
        return Wait()
    outputs = {name: ctx.given(source, "outputs", name) for name, source in node.outputs.items()}
    message = ctx.text(node.message, "message") if node.message else ""
    status: RunEnd = "failed" if node.status == "failed" else "completed"
    return End(status, outputs if node.outputs else None, message, node.compensate)


def _carry_out(steps: Sequence[Step], ctx: Context, name: str) -> None:
    """Carry out actions of the end; one that fails is recorded, and changes nothing."""
    for index, step in enumerate(steps):
        limited = step if step.timeout_ms else step.model_copy(update={"timeout_ms": ACTION_MS})
        try:
            ctx.step(limited, name, index)
        except StepFailed:
            continue
