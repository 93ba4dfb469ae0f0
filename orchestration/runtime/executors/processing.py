"""processing: operations in order on values; the visit is their one record, but what leaves the house is a step."""

from typing import Final

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Done, Fail, Outcome, StepFailed, Suspended, Wait
from procedures.ckp.document import ProcessingNode

DONE: Final = "operations"
"""The fact that says how many operations are done."""


def execute(node: ProcessingNode, ctx: Context) -> Outcome:
    """Carry out the operations; those that an earlier entry of the visit has done are not done again."""
    done = ctx.facts.get(DONE, 0)
    for index, operation in enumerate(node.operations[done:], done):
        try:
            if index > done:
                ctx.note(DONE, index)
                ctx.look_at_work()
            ctx.operation(operation, "operations", index)
        except Suspended:
            return Wait()
        except StepFailed as failure:
            return Fail(failure.error)
    return Done()
