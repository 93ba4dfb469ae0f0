"""processing: operations in order on values; the visit is their one record, but what leaves the house is a step."""

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Done, Fail, Outcome, StepFailed, Suspended, Wait
from procedures.ckp.actions import CALLS
from procedures.ckp.document import ProcessingNode


def execute(node: ProcessingNode, ctx: Context) -> Outcome:
    """Carry out the operations; those whose changes were stored with a step are not done again."""
    done = ctx.facts.get("operations", 0)
    for index, operation in enumerate(node.operations):
        if index < done:
            continue
        try:
            if operation.action in CALLS:
                ctx.keep({"operations": index})
            ctx.operation(operation, "operations", index)
        except Suspended:
            return Wait()
        except StepFailed as failure:
            return Fail(failure.error)
    return Done()
