"""sequence: steps in order, then validations (CKP 2.4); what fails is first for the handlers."""

from orchestration.runtime.context import Context
from orchestration.runtime.executors import handling
from orchestration.runtime.executors.validating import validate
from orchestration.runtime.outcomes import Done, Json, Outcome, Suspended, Wait
from procedures.ckp.document import SequenceNode


def execute(node: SequenceNode, ctx: Context) -> Outcome:
    """Carry out the steps; a recorded one is not done again."""
    try:
        return _steps(node, ctx)
    except Suspended:
        return Wait()


def _steps(node: SequenceNode, ctx: Context) -> Outcome:
    result: Json = None
    for index in range(len(node.steps)):
        done = handling.carried_out(node, ctx, index)
        if not isinstance(done, handling.Result):
            return done
        result = done.value
    for name, mapping in node.outputs.items():
        ctx.write(name, ctx.mapped(mapping, result, "outputs", name))
    return validate(node, ctx) or Done()
