"""terminate: the run ends, wherever this stands."""

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import End, Outcome
from procedures.ckp.document import TerminateNode


def execute(node: TerminateNode, ctx: Context) -> Outcome:
    """End the run with the mapped outputs; without a mapping its variables are its outputs."""
    outputs = {name: ctx.given(source, "outputs", name) for name, source in node.outputs.items()}
    message = ctx.text(node.message, "message") if node.message else ""
    return End("failed" if node.status == "failed" else "completed", outputs if node.outputs else None, message)
