"""One step of one visit while it is carried out: who it is, and how it is recorded and told of (runtime 8 and 21)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from langorch.lib import clock
from langorch.lib.redaction import REDACTED
from orchestration.choices import StepState
from orchestration.events import NewEvent
from orchestration.runtime import moments, paths
from orchestration.runtime.context import Place
from orchestration.runtime.errors import handler_of, is_retried
from orchestration.runtime.outcomes import Error, Json
from orchestration.runtime.records import StepRow, moment, to_json
from orchestration.runtime.retrying import Plan, plan
from orchestration.runtime.state import StepResult
from orchestration.runtime.visiting import Visit
from procedures.ckp.document import SequenceNode, Step
from procedures.ckp.effects import is_call

LONGEST_KEY: Final = 300


class RecordedStep:
    """A step with the attempt that is under way. `path` is where it is recorded, `place` where it is written."""

    def __init__(self, visit: Visit, step: Step, place: tuple[Place, ...], path: str) -> None:
        self.visit = visit
        self.step = step
        self.place = place
        self.path = path
        self.recorded = visit.drive.records.step(path, step.step_id)
        self.attempt = self.recorded.attempt if self.recorded else 0
        self.retries = self.recorded.retries if self.recorded else 0
        self.agent = ""
        self.user_key = ""
        """The key that the document gives, if it does."""
        self.source = ""
        """The step whose result under the same key is used."""
        self.irreversible = False
        self.shown: Json = None
        """The parameters as they are recorded."""
        self.began = clock.monotonic()
        self.at = clock.now()
        visit.at_step(step.step_id, self.attempt + 1)

    @property
    def leaves(self) -> bool:
        """Whether the step goes to somebody outside."""
        step, node = self.step, self.visit.node
        key = ("leaves", self.visit.node_id, *self.place)
        return self.visit.drive.program.compiled(key, lambda: is_call(step, node))

    @property
    def key(self) -> str:
        """What every attempt of the step is sent under."""
        return self.user_key or paths.key(self.visit.drive.run.pk, self.path, self.step.step_id)

    def ref(self, ending: str) -> str:
        """What a wait of this step refers to."""
        return f"{self.path}/{self.step.step_id}{ending}"

    def length(self, source: Json, *names: Place) -> float:
        """A number of milliseconds that the step gives; 0 where it gives none."""
        return moments.milliseconds(self.visit.value(source, *self.place, *names)) if source else 0

    def timeout_ms(self, default: float) -> float:
        """How long an attempt may take."""
        policy = self.step.timeout_policy
        given = self.length(self.step.timeout_ms, "timeout_ms")
        if not given and policy is not None:
            given = self.length(policy.timeout_ms, "timeout_policy", "timeout_ms")
        return given or default

    def begin_attempt(self) -> None:
        """Count one more attempt, from now on."""
        self.attempt += 1
        self.began, self.at = clock.monotonic(), clock.now()
        self.visit.at_step(self.step.step_id, self.attempt)

    def started(self) -> None:
        """Record that something is about to be sent, and under which key."""
        self._keep(self._row(StepState.STARTED, None, None, None))

    def completed(self, result: Json) -> None:
        """Record the result, and tell of it."""
        spent = self._spent()
        self._keep(self._row(StepState.COMPLETED, result, None, spent))
        self._tell_completed(result, cached=bool(self.source), spent=spent)

    def failed(self, error: Error, *, again: bool) -> None:
        """Record how the attempt failed, and tell of it."""
        spent = self._spent() if self.leaves else None
        self._keep(self._row(StepState.FAILED, None, error, spent))
        noted = StepResult(
            StepState.FAILED, self.attempt, self.retries, None, error.as_json(), self.agent, self.irreversible
        )
        self.visit.drive.records.note(self.path, self.step.step_id, noted)
        told = {
            "action": self.step.action,
            "error_class": error.error_class,
            "error": error.message,
            "retryable": is_retried(error, self.plan().policy),
            "then": "retry" if again else "handler" if self._is_handled(error) else "fail",
        }
        self.emit("step_failed", told)

    def plan(self) -> Plan:
        """How often and after what delay the step is tried again, if at all."""
        return plan((self.step.retry_config, self.visit.node.retry), self.visit.document.global_config)

    def _is_handled(self, error: Error) -> bool:
        """Whether a handler of the node acts on a failure of the step."""
        node = self.visit.node
        if not isinstance(node, SequenceNode) or self.place[:1] != ("steps",):
            return False
        return handler_of(error, node.error_handlers) is not None

    def placed(self, error: Error) -> Error:
        """An error with the place and the agent of this attempt."""
        return error.placed(node_id=self.visit.node_id, path=self.path, step_id=self.step.step_id, attempt=self.attempt)

    def emit(self, event_type: str, payload: dict[str, Any]) -> None:
        """Record an event of this attempt."""
        self.visit.drive.journal.event(self.event(event_type, payload))

    def event(self, event_type: str, payload: Mapping[str, Any]) -> NewEvent:
        """An event of this attempt, at the place where the step is recorded."""
        return NewEvent(event_type, payload, self.visit.node_id, self.step.step_id, self.path, self.attempt)

    def with_params(self, told: dict[str, Any], params: Json) -> dict[str, Any]:
        """What is told of a step that is sent, with its parameters where the document has them told."""
        return {**told, "params": params} if self._audit_level == "detailed" else told

    @property
    def _audit_level(self) -> str:
        return self.visit.document.global_config.audit_config.audit_level

    def _tell_completed(self, result: Json, *, cached: bool, spent: float) -> None:
        """Record that the step has its result."""
        told: dict[str, Any] = {
            "action": self.step.action,
            "output_variable": self.step.output_variable,
            "cached": cached,
            "duration_ms": spent,
            "retry_count": self.retries,
        }
        if self.source:
            told["source"] = self.source
        if self._audit_level != "minimal":
            told["result"] = self._shown(result)
        self.emit("step_completed", told)

    def tell_retry(self, error: Error, policy: Plan, delay: float) -> None:
        """Record when the step is tried again."""
        at: datetime = clock.now() + timedelta(milliseconds=delay)
        told = {
            "delay_ms": delay,
            "at": at.isoformat(),
            "strategy": policy.strategy,
            "error_class": error.error_class,
        }
        self.emit("step_retry_scheduled", told)

    def _shown(self, result: Json) -> Json:
        """The result, masked when it is sensitive or goes into a variable that is masked."""
        if result is not None and (self.visit.node_id, self.step.step_id) in self.visit.drive.program.secrecy.steps:
            return REDACTED
        names = (self.step.output_variable, self.step.parameters.get("variable"), *self.step.outputs)
        hides = self.visit.drive.journal.redactor.hides
        return REDACTED if any(isinstance(name, str) and hides(name, result) for name in names) else result

    def _keep(self, row: StepRow) -> None:
        self.visit.drive.journal.step(row, self.visit.row())
        self.visit.drive.telemetry.count(row)

    def _spent(self) -> float:
        return round((clock.monotonic() - self.began) * 1000, 3)

    def _row(self, state: StepState, result: Json, error: Error | None, spent: float | None) -> StepRow:
        return StepRow(
            self.path,
            self.step.step_id,
            self.visit.node_id,
            self.step.action,
            state,
            self.attempt,
            self.retries,
            self.key[:LONGEST_KEY] if self.leaves else self.user_key[:LONGEST_KEY],
            None if self.shown is None else to_json(self.shown),
            to_json(result),
            None if error is None else to_json(error.as_json()),
            moment(self.at),
            spent,
            self.agent,
            self.irreversible,
        )
