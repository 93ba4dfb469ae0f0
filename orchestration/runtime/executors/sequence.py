"""sequence: steps in order."""

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Done, Fail, Outcome, StepFailed, Suspended, Wait
from procedures.ckp.document import SequenceNode


def execute(node: SequenceNode, ctx: Context) -> Outcome:
    """Carry out the steps; a recorded one is not done again."""
    for index, step in enumerate(node.steps):
        try:
            ctx.step(step, "steps", index)
        except StepFailed as failure:
            return Fail(failure.error)
        except Suspended:
            return Wait()
    return Done()
