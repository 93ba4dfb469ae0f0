"""llm_action: ask a model, hold its answer to what was asked, and take it as data (CKP 2.9, runtime 16)."""

import re
from dataclasses import dataclass
from typing import Final

from orchestration.runtime.context import Context, StandIn, Told
from orchestration.runtime.executors import prompting
from orchestration.runtime.outcomes import Done, Error, Fail, Goto, Json, Outcome, Suspended, Wait
from procedures.ckp.document import LlmActionNode
from procedures.ckp.expressions import EvaluationError
from procedures.ckp.expressions.functions.choice import read_json
from procedures.ckp.schemas import violations

ROUTE: Final = "_next_node"
OUTPUT: Final = "llm_output"
_FENCED: Final = re.compile(r"\s*```(?:[ \t]*[\w+-]+(?=\s))?(.*)```\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer, read: the result, what is wrong with it, and the way it chose."""

    result: Json
    faults: list[str]
    target: str | None = None


def execute(node: LlmActionNode, ctx: Context) -> Outcome:
    """Ask; an invalid answer is sent back with its errors as often as that is allowed."""
    stood = ctx.stand_in()
    if stood is not None:
        return _stand_in(node, ctx, stood)
    try:
        return _converse(node, ctx)
    except Suspended:
        return Wait()


def _converse(node: LlmActionNode, ctx: Context) -> Outcome:
    turns = prompting.opening(node, ctx)
    repairs = _most_repairs(node, ctx)
    for number in range(1, repairs + 2):
        said = ctx.model(turns, number)
        answer = read(node, said.value)
        if not answer.faults:
            if number > 1:
                _tell_once(ctx, number, "llm_output_repaired", {"repairs": number - 1})
            return _take(node, ctx, answer)
        again = number if number <= repairs else None
        shown = _shown(said, answer.faults)
        _tell_once(ctx, number, "llm_output_invalid", {"errors": shown, "repair": again})
        turns += prompting.correction(said, answer.faults, shown)
    return _given_up(node, ctx, answer, shown)


def _most_repairs(node: LlmActionNode, ctx: Context) -> int:
    wanted = node.repair.max_attempts if node.repair is not None else None
    return ctx.most_repairs if wanted is None else min(wanted, ctx.most_repairs)


def _shown(said: Told, faults: list[str]) -> list[str]:
    """The faults as they may be shown: of an answer that is masked only where they are, for they quote it."""
    return faults if said.shown == said.value else [fault.partition(":")[0] for fault in faults]


def _tell_once(ctx: Context, number: int, event_type: str, payload: dict[str, Json]) -> None:
    """Tell about the `number`-th answer; a worker that takes over does not tell it again."""
    if ctx.facts.get("told", 0) < number:
        ctx.emit(event_type, payload)
        ctx.keep({"told": number})


def read(node: LlmActionNode, text: str) -> Answer:
    """The answer in a model's text. What is in it is data and is never evaluated."""
    if not node.answers_json:
        return Answer(text, [])
    fenced = _FENCED.fullmatch(text)
    try:
        result = read_json(fenced[1] if fenced else text)
    except EvaluationError as error:
        return Answer(text, [error.message])
    target, faults = _target(node, result) if node.orchestration_mode else (None, [])
    return Answer(result, faults + _faults(node, result), target)


def _target(node: LlmActionNode, result: Json) -> tuple[str | None, list[str]]:
    allowed = prompting.branches(node)
    chosen = result.get(ROUTE) if isinstance(result, dict) else None
    if isinstance(chosen, str) and chosen in allowed:
        return chosen, []
    return None, [f'"{ROUTE}" must be one of: {", ".join(allowed)}']


def _faults(node: LlmActionNode, result: Json) -> list[str]:
    schema = node.output_schema
    if schema is None:
        return [] if isinstance(result, dict) else ["The answer must be a JSON object."]
    checked = result
    if node.orchestration_mode and isinstance(result, dict) and not _declares_route(schema):
        checked = {name: value for name, value in result.items() if name != ROUTE}
    return [f"{pointer or 'The answer'}: {sentence}" for pointer, sentence in violations(schema, checked)]


def _declares_route(schema: Json) -> bool:
    return isinstance(schema, dict) and ROUTE in (schema.get("properties") or {})


def _take(node: LlmActionNode, ctx: Context, answer: Answer) -> Outcome:
    for name, mapping in node.outputs.items():
        ctx.write(name, ctx.mapped(mapping, answer.result, "outputs", name, from_model=True))
    if not node.outputs:
        ctx.write(OUTPUT, answer.result)
    return _go(ctx, answer.target, "llm") if node.orchestration_mode and answer.target else Done()


def _go(ctx: Context, target: str, condition: str, *, assumed: bool = False) -> Outcome:
    payload: dict[str, Json] = {"rule": None, "condition": condition, "read": {}, "next_node_id": target}
    ctx.emit("branch_taken", payload | ({"assumed": True} if assumed else {}))
    return Goto(target)


def _given_up(node: LlmActionNode, ctx: Context, answer: Answer, shown: list[str]) -> Outcome:
    """No answer could be used; `shown` says why."""
    if node.orchestration_mode and node.default_branch:
        _write_all(node, ctx, None)
        return _go(ctx, node.default_branch, "default")
    lost = node.orchestration_mode and answer.target is None
    error_class = "llm_route_invalid" if lost else "llm_output_invalid"
    message = f"The model's answer cannot be used: {shown[0]}"
    return Fail(Error(error_class, message, details={"errors": shown}))


def _write_all(node: LlmActionNode, ctx: Context, value: Json) -> None:
    for name in node.outputs or (OUTPUT,):
        ctx.write(name, value)


def _stand_in(node: LlmActionNode, ctx: Context, stood: StandIn) -> Outcome:
    """Take what stands in for an answer; a stub chooses no way, so that is assumed."""
    if not stood.is_stub:
        target, faults = _target(node, stood.result) if node.orchestration_mode else (None, [])
        answer = Answer(stood.result, faults, target)
        return _given_up(node, ctx, answer, faults) if faults else _take(node, ctx, answer)
    _write_all(node, ctx, stood.result)
    if not node.orchestration_mode:
        return Done()
    return _go(ctx, node.default_branch or next(iter(prompting.branches(node))), "default", assumed=True)
