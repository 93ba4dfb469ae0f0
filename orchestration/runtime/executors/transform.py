"""transform: changes of data on a copy; if one fails nothing is kept."""

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Done, Outcome
from procedures.ckp.document import TransformNode


def execute(node: TransformNode, ctx: Context) -> Outcome:
    """Carry out the transformations, all or none."""
    ctx.transform(node.transformations)
    return Done()
