"""Carrying out a step: recorded already? else do it, record it, and let its result take effect (runtime 8 to 10)."""

from datetime import timedelta
from typing import Any, Final

from langorch.lib import clock
from langorch.lib.redaction import REDACTED
from orchestration.choices import StepState, WaitKind
from orchestration.runtime import actions, moments, pausing, standins
from orchestration.runtime.context import Place
from orchestration.runtime.errors import is_retried
from orchestration.runtime.outcomes import Error, Json, StepFailed, Suspended, error_from_json
from orchestration.runtime.records import NotStorable, StepRow, moment, to_json
from orchestration.runtime.retrying import Plan, plan
from orchestration.runtime.state import StepResult
from orchestration.runtime.visiting import Visit
from procedures.ckp.document import Operation, Step
from procedures.ckp.expressions import EvaluationError
from procedures.ckp.operations import OperationError

WAITS: Final = frozenset({"wait", "wait_until"})
HOUSE: Final = WAITS | actions.AVAILABLE
"""What is carried out here; everything else is offered by agents."""


def operate(visit: Visit, operation: Operation, place: tuple[Place, ...]) -> Json:
    """The result of an operation of a processing node; the visit is its record. Raises `StepFailed`."""
    fields = operation.parameters
    try:
        result = actions.perform(visit, operation.action, fields, place, operation.id or "")
        if isinstance(name := fields.get("output_variable"), str):
            visit.write(name, result)
    except (EvaluationError, OperationError, NotStorable) as error:
        raise StepFailed(_error(error)) from None
    return result


def run(visit: Visit, step: Step, place: tuple[Place, ...], *, handled: int = 0, path: str = "") -> Json:
    """The result of a step. Raises `StepFailed` when it failed for good, `Suspended` when it waits.

    `handled` is the last attempt whose failure a handler answered with another try. `path` is where the step is
    recorded, if not at its visit's.
    """
    return StepRun(visit, step, place, path or visit.path).run(handled)


class StepRun:
    """One step of one visit, while it is carried out."""

    def __init__(self, visit: Visit, step: Step, place: tuple[Place, ...], path: str) -> None:
        self.visit = visit
        self.step = step
        self.place = place
        self.path = path
        self.recorded = visit.drive.records.step(path, step.step_id)
        self.attempt = self.recorded.attempt if self.recorded else 0
        self.retries = self.recorded.retries if self.recorded else 0

    def run(self, handled: int) -> Json:
        self.visit.look()
        if self.recorded is not None and self.recorded.state == StepState.COMPLETED:
            return self._replay(self.recorded.result)
        if self.recorded is None:
            self._pause("before", self._length(self.step.wait_ms, "wait_ms"))
        elif self.recorded.error is not None:
            self._meet_failure(error_from_json(self.recorded.error), handled)
        while True:
            self.attempt += 1
            try:
                return self._attempt()
            except StepFailed as failure:
                self._retry_or_raise(failure.error)

    def _attempt(self) -> Json:
        began, at = clock.monotonic(), clock.now()
        try:
            pause_after = self._length(self.step.wait_after_ms, "wait_after_ms")
            result = self._result()
            self._take(result)
        except (EvaluationError, OperationError, NotStorable) as error:
            raise StepFailed(_error(error)) from None
        spent = round((clock.monotonic() - began) * 1000, 3)
        self._keep(self._row(StepState.COMPLETED, moment(at), result, None, spent))
        self._tell_completed(result, cached=False, spent=spent)
        self._pause("after", pause_after)
        return result

    def _result(self) -> Json:
        found = standins.for_step(self.visit, self.step, leaves=self._leaves)
        return self._perform() if found is standins.NOTHING else found

    @property
    def _leaves(self) -> bool:
        """Whether the step goes to somebody outside."""
        return self.step.binding == "agent" or self.step.action not in HOUSE

    def _perform(self) -> Json:
        if self._leaves:
            raise StepFailed(Error("no_executor", f"No agent is registered that offers {self.step.action}."))
        if self.step.action in WAITS:
            return self._wait()
        return actions.perform(self.visit, self.step.action, self.step.parameters, self.place, self.step.step_id)

    def _wait(self) -> None:
        fields = self.step.parameters
        rendered = {name: self.visit.value(value, *self.place, name) for name, value in fields.items()}
        zone = self.visit.document.global_config.timezone or "UTC"
        length = moments.wait_length(self.step.action, rendered, self.visit.at, zone)
        pausing.pause(self.visit, WaitKind.TIMER, self._ref(""), length, self.step.step_id)

    def _take(self, result: Json) -> None:
        if self.step.output_variable:
            self.visit.write(self.step.output_variable, result)
        for name, mapping in self.step.outputs.items():
            self.visit.write(name, self.visit.values.mapped(mapping, result, (*self.place, "outputs", name)))

    def _replay(self, result: Json) -> Json:
        if self.visit.drive.replays(self.path, self.step.step_id):
            self._tell_completed(result, cached=True, spent=0)
        pausing.goes_on(self.visit, WaitKind.TIMER, self._ref("#after"), self.step.step_id)
        return result

    def _length(self, source: Json, name: str) -> float:
        return moments.milliseconds(self.visit.value(source, *self.place, name)) if source else 0

    def _pause(self, when: str, length: float) -> None:
        pausing.pause(self.visit, WaitKind.TIMER, self._ref(f"#{when}"), length, self.step.step_id)

    def _ref(self, ending: str) -> str:
        return f"{self.path}/{self.step.step_id}{ending}"

    def _plan(self) -> Plan:
        return plan((self.step.retry_config, self.visit.node.retry), self.visit.document.global_config)

    def _retry_or_raise(self, error: Error) -> None:
        placed = error.placed(
            node_id=self.visit.node_id, path=self.path, step_id=self.step.step_id, attempt=self.attempt
        )
        again = self._tries_again(placed)
        self._record_failure(placed, again)
        if not again:
            raise StepFailed(placed)
        policy = self._plan()
        self.retries += 1
        delay = policy.delay(self.retries, self._seed(), (placed.retry_after or 0) * 1000)
        self._tell_retry(placed, policy, delay)
        pausing.pause(self.visit, WaitKind.RETRY, self._ref(f"#{self.attempt}"), delay, self.step.step_id)

    def _meet_failure(self, error: Error, handled: int) -> None:
        """Decide about a recorded failure: its retry is still delayed, or is due now; or it stands."""
        if self.visit.drive.records.waits_for(self.visit.path, WaitKind.RETRY):
            raise Suspended
        if self.attempt <= handled:
            return
        if not self._tries_again(error):
            raise StepFailed(error)
        self.retries += 1

    def _tries_again(self, error: Error) -> bool:
        policy = self._plan()
        return self.step.retries and self.retries < policy.max_retries and is_retried(error, policy.policy)

    def _seed(self) -> str:
        return f"{self.visit.drive.run.pk}|{self.path}|{self.step.step_id}|{self.attempt}"

    def _record_failure(self, error: Error, again: bool) -> None:
        self._keep(self._row(StepState.FAILED, moment(clock.now()), None, error, None))
        noted = StepResult(StepState.FAILED, self.attempt, self.retries, None, error.as_json())
        self.visit.drive.records.note(self.path, self.step.step_id, noted)
        payload = {
            "action": self.step.action,
            "error_class": error.error_class,
            "error": error.message,
            "retryable": again,
            "then": "retry" if again else "fail",
        }
        self.visit.emit("step_failed", payload, self.step.step_id, self.attempt)

    def _keep(self, row: StepRow) -> None:
        self.visit.drive.journal.step(row, self.visit.row())

    def _tell_retry(self, error: Error, policy: Plan, delay: float) -> None:
        at = clock.now() + timedelta(milliseconds=delay)
        payload = {
            "delay_ms": delay,
            "at": at.isoformat(),
            "strategy": policy.strategy,
            "error_class": error.error_class,
        }
        self.visit.emit("step_retry_scheduled", payload, self.step.step_id, self.attempt)

    def _row(self, state: StepState, started: str, result: Json, error: Error | None, spent: float | None) -> StepRow:
        return StepRow(
            self.path,
            self.step.step_id,
            self.visit.node_id,
            self.step.action,
            state,
            self.attempt,
            self.retries,
            "",
            None,
            to_json(result),
            None if error is None else to_json(error.as_json()),
            started,
            spent,
        )

    def _tell_completed(self, result: Json, *, cached: bool, spent: float) -> None:
        payload: dict[str, Any] = {
            "action": self.step.action,
            "output_variable": self.step.output_variable,
            "cached": cached,
            "duration_ms": spent,
            "retry_count": self.retries,
        }
        if self.visit.document.global_config.audit_config.audit_level != "minimal":
            payload["result"] = self._shown(result)
        self.visit.emit("step_completed", payload, self.step.step_id, self.attempt)

    def _shown(self, result: Json) -> Json:
        """The result, masked when it goes into a variable that is."""
        names = (self.step.output_variable, self.step.parameters.get("variable"), *self.step.outputs)
        hides = self.visit.drive.journal.redactor.hides
        return REDACTED if any(isinstance(name, str) and hides(name, result) for name in names) else result


def _error(error: EvaluationError | OperationError | NotStorable) -> Error:
    if isinstance(error, EvaluationError):
        return Error(error.error_class, error.message, code=error.kind)
    if isinstance(error, OperationError):
        return Error(error.error_class, error.message)
    return Error("invalid_value", str(error))
