"""processing: operations in order on values; the visit is their one record."""

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Done, Fail, Outcome, StepFailed
from procedures.ckp.document import ProcessingNode


def execute(node: ProcessingNode, ctx: Context) -> Outcome:
    """Carry out the operations."""
    for index, operation in enumerate(node.operations):
        try:
            ctx.operation(operation, "operations", index)
        except StepFailed as failure:
            return Fail(failure.error)
    return Done()
