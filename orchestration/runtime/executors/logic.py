"""logic: the first rule that is true decides the way."""

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Error, Fail, Goto, Outcome
from procedures.ckp.document import LogicNode


def execute(node: LogicNode, ctx: Context) -> Outcome:
    """Take the first true rule's way, else the default; the decision is an event.

    What a dry run cannot know is assumed: the default, else the first rule.
    """
    if ctx.assumes("rules"):
        target = node.default_next_node or node.rules[0].next_node
        return _take(ctx, None, None, target, assumed=True)
    for index, rule in enumerate(node.rules):
        if ctx.condition(rule.condition, "rules", index, "condition"):
            return _take(ctx, index, rule.condition, rule.next_node)
    if node.default_next_node:
        return _take(ctx, None, None, node.default_next_node)
    return Fail(Error("no_route", "No rule is true, and there is no default."))


def _take(ctx: Context, rule: int | None, condition: object, target: str, *, assumed: bool = False) -> Outcome:
    read = ctx.read_by(condition) if condition is not None else {}
    payload = {"rule": rule, "condition": condition, "read": read, "next_node_id": target}
    ctx.emit("branch_taken", payload | ({"assumed": True} if assumed else {}))
    return Goto(target)
