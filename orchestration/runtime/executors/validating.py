"""validations of a sequence: checks after its steps (CKP 2.4)."""

from typing import Final

from orchestration.runtime.context import Context
from orchestration.runtime.executors import handling
from orchestration.runtime.outcomes import Error, Fail, Goto, Json, Outcome, StepFailed
from orchestration.runtime.retrying import plan
from procedures.ckp.document import SequenceNode, StepValidation
from procedures.ckp.expressions import EvaluationError

CHECKED: Final = "checked"
"""The fact that says how many validations are done."""
FAULTY: Final = "faulty"
"""The fact that says which validation was told to have failed."""


def validate(node: SequenceNode, ctx: Context) -> Outcome | None:
    """Check everything in order; the outcome of the first fault that does not go on, none when the node is done.

    What was checked in an earlier entry of the visit is not checked again.
    """
    done = ctx.facts.get(CHECKED, 0)
    for index, validation in enumerate(node.validations[done:], done):
        if (outcome := _validate(node, ctx, validation, index)) is not None:
            return outcome
        ctx.keep({CHECKED: index + 1})
        ctx.look_at_work()
    return None


def _validate(node: SequenceNode, ctx: Context, validation: StepValidation, index: int) -> Outcome | None:
    check_id = validation.id or f"validation_{index + 1}"
    if ctx.assumes("validations", index):
        ctx.emit("check_passed", {"check_id": check_id, "assumed": True})
        return None
    fault = _fault(validation, check_id, ctx, ("validations", index))
    if fault is None:
        ctx.emit("check_passed", {"check_id": check_id})
        return None
    message = ctx.text(validation.message, "validations", index, "message") if validation.message else fault
    if ctx.facts.get(FAULTY) != index:
        ctx.emit("check_failed", {"check_id": check_id, "message": message, "action": validation.on_failure})
        ctx.keep({FAULTY: index})
    return _failed(node, ctx, validation.on_failure, Error("validation_failed", message, details={"check": check_id}))


def _failed(node: SequenceNode, ctx: Context, action: str, error: Error) -> Outcome | None:
    if action in ("skip", "log_and_continue"):
        return None
    if action == "retry_node":
        policy = plan((node.retry,), ctx.document.global_config)
        if ctx.retries < policy.max_retries:
            ctx.pause("#again", policy.delay(ctx.retries + 1, ctx.path))
            return Goto(ctx.node_id, retry=True)
    if action == "fail_workflow":
        return Fail(error)
    handled = handling.failed(node, ctx, error)
    return None if isinstance(handled, handling.Result) else handled


def _fault(validation: StepValidation, check_id: str, ctx: Context, place: tuple[str, int]) -> str | None:
    try:
        if validation.check == "custom":
            holds = ctx.condition(validation.condition, *place, "condition")
            return None if holds else f"Not true: {validation.condition}"
        if validation.check == "value_in_range":
            return _range_fault(validation, ctx, place)
    except EvaluationError as error:
        return error.message
    return _agents_fault(validation, check_id, ctx, place)


def _agents_fault(validation: StepValidation, check_id: str, ctx: Context, place: tuple[str, int]) -> str | None:
    """What the agent says against it; one that cannot tell has not seen it."""
    try:
        found = ctx.check(validation, check_id, *place)
    except StepFailed as failure:
        return failure.error.message
    told = found if isinstance(found, dict) else {"found": found}
    stub = bool(told.get("dry_run") or told.get("mocked"))
    return None if stub or told.get("found") is True else f"The agent does not see it: {validation.check}."


def _range_fault(validation: StepValidation, ctx: Context, place: tuple[str, int]) -> str | None:
    value = ctx.expression(validation.source, *place, "source")
    bounds = ctx.value(validation.expected_values, *place, "expected_values")
    if not (isinstance(bounds, list) and len(bounds) == 2 and _comparable(value, *bounds)):
        return f"{value!r} cannot be compared with {bounds!r}."
    return None if bounds[0] <= value <= bounds[1] else f"{value} is not between {bounds[0]} and {bounds[1]}."


def _comparable(*values: Json) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return numbers or all(isinstance(value, str) for value in values)
