"""human_approval: ask, wait, and take the way of the answer (runtime 17)."""

from orchestration.runtime.context import Answer, Context
from orchestration.runtime.outcomes import Error, Fail, Goto, Json, Outcome, Wait
from procedures.ckp.document import HumanApprovalNode


def execute(node: HumanApprovalNode, ctx: Context) -> Outcome:
    """Find the answer or ask; nothing else happens before somebody decided."""
    answer = ctx.approval(node)
    return Wait() if answer is None else _decided(node, ctx, answer)


def _decided(node: HumanApprovalNode, ctx: Context, answer: Answer) -> Outcome:
    decision = dict(answer.answer)
    for name, value in (decision.pop("edits", None) or {}).items():
        ctx.write(name, value)
    ctx.write("approval", decision)
    if node.output_variable != "approval":
        ctx.write(node.output_variable, decision)
    return _route(node, decision)


def _route(node: HumanApprovalNode, decision: dict[str, Json]) -> Outcome:
    verdict = decision["decision"]
    if verdict == "approved":
        return Goto(_option(node, decision.get("selected_option")) or node.on_approve)
    if verdict == "rejected":
        return _to(node.on_reject, Error("no_route", "The request was rejected, and there is no on_reject."))
    return _to(node.on_timeout or node.on_reject, Error("approval_timeout", "Nobody decided in time."))


def _option(node: HumanApprovalNode, selected: str | None) -> str | None:
    return next((option.next_node for option in node.choices if option.value == selected), None)


def _to(target: str | None, otherwise: Error) -> Outcome:
    return Goto(target) if target else Fail(otherwise)
