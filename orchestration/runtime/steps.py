"""Carrying out a step: recorded already? else do it, record it, and let its result take effect (runtime 8 and 9)."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from langorch.lib import clock
from orchestration.choices import StepState, WaitKind, WaitState
from orchestration.runtime import actions
from orchestration.runtime.context import Place
from orchestration.runtime.outcomes import Error, Json, StepFailed, Suspended
from orchestration.runtime.records import StepRow, WaitRow, moment, to_json
from procedures.ckp.document import Operation, Step
from procedures.ckp.expressions import EvaluationError

if TYPE_CHECKING:
    from orchestration.runtime.visiting import Visit

WAITS: Final = frozenset({"wait", "wait_until"})


def run(visit: "Visit", step: Step, place: tuple[Place, ...]) -> Json:
    """The result of a step. Raises `StepFailed` when it failed for good, `Suspended` when it waits."""
    visit.region.look()
    recorded = visit.drive.records.step(visit.path, step.step_id)
    if recorded is not None and recorded.state == StepState.COMPLETED:
        _replay(visit, step, recorded.result)
        return recorded.result
    began, at = clock.monotonic(), clock.now()
    attempt = recorded.attempt + 1 if recorded else 1
    try:
        result = _compute(visit, step, place)
        _apply(visit, step, result)
    except EvaluationError as error:
        raise _failed(visit, step, attempt, Error(error.error_class, error.message, code=error.kind)) from None
    except StepFailed as failure:
        raise _failed(visit, step, attempt, failure.error) from None
    spent = round((clock.monotonic() - began) * 1000, 3)
    visit.drive.journal.step(
        StepRow(
            visit.path,
            step.step_id,
            visit.node_id,
            step.action,
            StepState.COMPLETED,
            attempt,
            "",
            None,
            to_json(result),
            None,
            moment(at),
            spent,
        )
    )
    _tell_completed(visit, step, result, cached=False, spent=spent)
    return result


def operate(visit: "Visit", operation: Operation, place: tuple[Place, ...]) -> Json:
    """The result of an operation of a processing node; the visit is its record. Raises `StepFailed`."""
    action = actions.ACTIONS.get(operation.action)
    if action is None:
        raise StepFailed(Error("no_executor", f"The operation {operation.action} is not available."))
    fields = operation.parameters
    result = action(fields, visit, place, operation.id or "")
    actions.apply(operation.action, fields, result, visit)
    if isinstance(name := fields.get("output_variable"), str):
        visit.write(name, result)
    return result


def _compute(visit: "Visit", step: Step, place: tuple[Place, ...]) -> Json:
    action = actions.ACTIONS.get(step.action)
    if action is None or step.binding == "agent":
        raise StepFailed(Error("no_executor", f"No agent is registered that offers {step.action}."))
    return action(step.parameters, visit, place, step.step_id)


def _apply(visit: "Visit", step: Step, result: Json) -> None:
    actions.apply(step.action, step.parameters, result, visit)
    if step.output_variable:
        visit.write(step.output_variable, result)


def _replay(visit: "Visit", step: Step, result: Json) -> None:
    _apply(visit, step, result)
    mark = (visit.path, step.step_id)
    if mark not in visit.drive.replayed:
        visit.drive.replayed.add(mark)
        _tell_completed(visit, step, result, cached=True, spent=0)


def _tell_completed(visit: "Visit", step: Step, result: Json, *, cached: bool, spent: float) -> None:
    payload: dict[str, Any] = {"action": step.action, "output_variable": step.output_variable, "cached": cached}
    if visit.document.global_config.audit_config.audit_level != "minimal":
        payload["result"] = result
    visit.emit("step_completed", payload | {"duration_ms": spent, "retry_count": 0}, step.step_id)


def _failed(visit: "Visit", step: Step, attempt: int, error: Error) -> StepFailed:
    placed = error.placed(node_id=visit.node_id, path=visit.path, step_id=step.step_id, attempt=attempt)
    payload = {
        "action": step.action,
        "error_class": placed.error_class,
        "error": placed.message,
        "retryable": placed.retryable,
        "then": "fail",
    }
    visit.emit("step_failed", payload, step.step_id)
    return StepFailed(placed)


_ = (timedelta, settings, WaitKind, WaitState, Suspended, WaitRow)
