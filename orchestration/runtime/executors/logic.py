"""logic: the first rule that is true decides the way."""

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Error, Fail, Goto, Json, Outcome
from procedures.ckp.document import LogicNode


def execute(node: LogicNode, ctx: Context) -> Outcome:
    """Take the first true rule's way, else the default; the decision, with what it rests on, is an event.

    What a dry run cannot know is assumed: the default, else the first rule.
    """
    if ctx.assumes("rules"):
        return _take(ctx, node.default_next_node or node.rules[0].next_node, assumed=True)
    for index, rule in enumerate(node.rules):
        if index:
            ctx.look_at_work()
        if ctx.condition(rule.condition, "rules", index, "condition"):
            told = {"rule": index, "condition": rule.condition, "read": ctx.read_by(rule.condition)}
            return _take(ctx, rule.next_node, **told)
    if node.default_next_node:
        read = {name: value for rule in node.rules for name, value in ctx.read_by(rule.condition).items()}
        return _take(ctx, node.default_next_node, read=read)
    return Fail(Error("no_route", "No rule is true, and there is no default."))


def _take(ctx: Context, target: str, **told: Json) -> Outcome:
    ctx.emit("branch_taken", {"rule": None, "condition": None, "read": {}, "next_node_id": target} | told)
    return Goto(target)
