"""Carrying out a step: recorded already? else do it, record it, and let its result take effect (runtime 8 to 10)."""

from collections.abc import Callable
from functools import partial

from langorch.lib import clock
from orchestration.choices import StepState, WaitKind
from orchestration.runtime import (
    actions,
    awaiting,
    doubt,
    moments,
    pausing,
    policies,
    prompts,
    rating,
    screenshots,
    standins,
    user_keys,
)
from orchestration.runtime.calls import AgentCall
from orchestration.runtime.context import Place
from orchestration.runtime.errors import is_retried
from orchestration.runtime.notices import NoticeCall
from orchestration.runtime.outcomes import Error, Json, StepFailed, Suspended, error_from_json
from orchestration.runtime.records import NotStorable
from orchestration.runtime.slots import Slot
from orchestration.runtime.state import WaitRecord
from orchestration.runtime.stepping import RecordedStep
from orchestration.runtime.user_keys import UserKey
from orchestration.runtime.visiting import Visit
from procedures.ckp.actions import CALLS, WAITS
from procedures.ckp.document import Operation, Step
from procedures.ckp.expressions import EvaluationError
from procedures.ckp.operations import OperationError
from procedures.ckp.programs import unit_writes


def operate(visit: Visit, operation: Operation, place: tuple[Place, ...]) -> Json:
    """The result of an operation of a processing node; the visit is its record, unless it leaves the house.

    Raises `StepFailed`, and `Suspended` when it waits.
    """
    fields = operation.parameters
    if operation.action in CALLS:
        step_id = operation.id or f"{operation.action}_{int(place[-1]) + 1}"
        return run(visit, Step(step_id=step_id, action=operation.action, **fields), place)
    try:
        if (stub := standins.computed(visit, operation.action, *place)) is not standins.NOTHING:
            return _assume(visit, operation, stub)
        emit = partial(visit.emit, step_id=operation.id or "")
        result = actions.perform(visit, operation.action, fields, place, emit, visit.look_at_work)
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


class StepRun(RecordedStep):
    """A step from its first boundary to its last pause."""

    call: AgentCall | NoticeCall | None = None
    named: UserKey | None = None

    def run(self, handled: int) -> Json:
        self.visit.look()
        if self.recorded is not None and self.recorded.state == StepState.COMPLETED:
            return self._replay(self.recorded.result)
        self._meet_record(handled)
        while True:
            self.begin_attempt()
            try:
                return self._attempt()
            except StepFailed as failure:
                error = self.placed(failure.error)
            again = self._tries_again(error) and not self._outlasts(error)
            if not again and self._ignores(error):
                return self._finish(None, 0, ignored=True)
            self._settle_failure(error, again=again)

    def _meet_record(self, handled: int) -> None:
        """What is recorded of the step decides how it goes on."""
        if self.recorded is None:
            if not awaiting.waited(self):
                self._pause("before", self.length(self.step.wait_ms, "wait_ms"))
        elif self.recorded.state == StepState.STARTED:
            self._meet_doubt()
        elif self.recorded.error is not None:
            self._meet_failure(error_from_json(self.recorded.error), handled)

    def _attempt(self) -> Json:
        try:
            pause_after = self.length(self.step.wait_after_ms, "wait_after_ms")
            result = self._result()
            self._take(result)
        except (EvaluationError, OperationError, NotStorable) as error:
            raise StepFailed(_error(error)) from None
        except (StepFailed, Suspended):
            raise
        except BaseException as cut:
            if self.call is not None:
                self.call.cut(type(cut).__name__)
            raise
        return self._finish(result, pause_after)

    def _finish(self, result: Json, pause_after: float, *, ignored: bool = False) -> Json:
        shot = screenshots.OF_SUCCESSES if self.step.screenshot_on_complete else ""
        self._record(lambda: self._completed(result, ignored=ignored), shot)
        self._pause("after", pause_after)
        return result

    def _completed(self, result: Json, *, ignored: bool) -> None:
        self.completed(result)
        if self.named is not None:
            self.named.give_up() if ignored else self.named.finish(result)

    def _failed(self, error: Error, *, again: bool) -> None:
        self.failed(error, again=again)
        if self.named is not None and not again:
            self.named.give_up()

    def _record(self, outcome: Callable[[], None], shot: str) -> None:
        """Record an outcome; that of a call at once, with the slot that it gives back, perhaps after a picture."""
        call = self.call
        if call is None and self.named is None:
            outcome()
            return
        slot = call.slot if call is not None and shot else None
        with self.visit.drive.transaction():
            outcome()
            if call is not None and slot is None:
                call.settle()
        if call is not None and slot is not None:
            self._picture(call, slot, shot)

    def _picture(self, call: AgentCall | NoticeCall, slot: Slot, shot: str) -> None:
        try:
            screenshots.of_slot(self, slot, shot)
        finally:
            with self.visit.drive.transaction():
                call.settle()

    def _result(self) -> Json:
        self.call = None
        found = standins.for_step(self.visit, self.step, self.path, self.place, leaves=self.leaves)
        if found is not standins.NOTHING:
            if self.leaves:
                self.shown = prompts.parameters(self.visit, self.step.parameters, self.place).shown
            return found
        if (known := self._known()) is not None:
            return known[0]
        if self.leaves:
            policies.require_allowed(self)
            rating.wait_for_token(self)
            self.call = NoticeCall(self) if self._is_notice else AgentCall(self)
            return self.call.result()
        return self._at_home()

    def _known(self) -> tuple[Json, str] | None:
        """The result that stands under the step's own key already."""
        self._name()
        known = None if self.named is None else self.named.meet()
        if known is not None:
            self.named, self.source = None, known[1]
        return known

    def _name(self) -> None:
        """Find the key that the document gives the step."""
        self.named = user_keys.of(self)
        self.user_key = "" if self.named is None else self.named.key.text

    @property
    def _is_notice(self) -> bool:
        return self.step.action == "notify" and self.step.binding != "agent"

    def _at_home(self) -> Json:
        limit = self.timeout_ms(0)
        if self.step.action in WAITS:
            self._wait(limit)
            return None
        result = self._act(limit)
        self._require_time(limit)
        return result

    def _require_time(self, limit: float) -> None:
        if limit and (clock.monotonic() - self.began) * 1000 > limit:
            raise self._timed_out(limit)

    def _look_at_work(self, limit: float) -> None:
        self._require_time(limit)
        self.visit.look_at_work()

    def _act(self, limit: float) -> Json:
        if (stub := standins.computed(self.visit, self.step.action, *self.place)) is not standins.NOTHING:
            return _assume(self.visit, self.step, stub)
        emit = partial(self.visit.emit, step_id=self.step.step_id, path=self.path)
        look = partial(self._look_at_work, limit) if limit else self.visit.look_at_work
        return actions.perform(self.visit, self.step.action, self.step.parameters, self.place, emit, look)

    def _wait(self, limit: float) -> None:
        fields = self.step.parameters
        rendered = {name: self.visit.value(value, *self.place, name) for name, value in fields.items()}
        length = moments.wait_length(self.step.action, rendered, self.at, self.visit.zone)
        whole, cut = self.ref(""), self.ref(f"#timeout{self.attempt}")
        if limit and self._waited(whole) is None and (length > limit or self._waited(cut) is not None):
            pausing.pause(self.visit, WaitKind.TIMER, cut, limit, self.step.step_id)
            raise self._timed_out(limit)
        pausing.pause(self.visit, WaitKind.TIMER, whole, length, self.step.step_id)

    def _waited(self, ref: str) -> WaitRecord | None:
        return self.visit.drive.records.wait(self.visit.path, WaitKind.TIMER, self.step.step_id, ref)

    def _timed_out(self, limit: float) -> StepFailed:
        self.emit("step_timeout", {"timeout_ms": limit, "action": self.step.action, "binding": "internal"})
        message = f"{self.step.action} took longer than {limit:g} ms."
        return StepFailed(Error("timeout", message, details={"timeout_ms": limit}))

    def _take(self, result: Json) -> None:
        if self.step.output_variable:
            self.visit.write(self.step.output_variable, result)
        for name, mapping in self.step.outputs.items():
            self.visit.write(name, standins.taken(self.visit, mapping, result, (*self.place, "outputs", name)))
        if self.step.compensate_with:
            self.visit.can_undo(self.step.step_id, self.path)

    def _replay(self, result: Json) -> Json:
        if self.visit.drive.replays(self.path, self.step.step_id):
            self._tell_completed(result, cached=True, spent=0)
        pausing.goes_on(self.visit, WaitKind.TIMER, self.ref("#after"), self.step.step_id)
        return result

    def _pause(self, when: str, length: float) -> None:
        pausing.pause(self.visit, WaitKind.TIMER, self.ref(f"#{when}"), length, self.step.step_id)

    def _settle_failure(self, error: Error, *, again: bool) -> None:
        """Record how an attempt failed, and let the delay of the next one pass. Raises `StepFailed` without one."""
        self._record(lambda: self._failed(error, again=again), "" if again else self._shot_of(error))
        if not again:
            raise StepFailed(error)
        policy = self.plan()
        self._count_retry()
        delay = policy.delay(self.retries, self._seed(), (error.retry_after or 0) * 1000)
        self.tell_retry(error, policy, delay)
        pausing.pause(self.visit, WaitKind.RETRY, self.ref(f"#{self.attempt}"), delay, self.step.step_id)

    def _shot_of(self, error: Error) -> str:
        wanted = self.visit.document.global_config.screenshot_on_fail and error.error_class != "agent_unreachable"
        return screenshots.OF_FAILURES if wanted else ""

    def _meet_doubt(self) -> None:
        try:
            self._name()
            doubt.meet(self)
        except (EvaluationError, NotStorable) as fault:
            error = self.placed(_error(fault))
        except StepFailed as failure:
            error = self.placed(failure.error)
        else:
            return
        self._settle_failure(error, again=self._tries_again(error))

    def _meet_failure(self, error: Error, handled: int) -> None:
        """Decide about a recorded failure: its retry is still delayed, or is due now; or it stands."""
        if self.visit.drive.records.waits_for(self.visit.path, WaitKind.RETRY):
            raise Suspended
        if self.attempt <= handled:
            return
        if not self._tries_again(error):
            raise StepFailed(error)
        self._count_retry()

    def _count_retry(self) -> None:
        self.retries += 1
        self.visit.drive.telemetry.count_retry()

    def _tries_again(self, error: Error) -> bool:
        policy = self.plan()
        return self.step.retries and self.retries < policy.max_retries and is_retried(error, policy.policy)

    def _outlasts(self, error: Error) -> bool:
        """Whether the delay of the next attempt would pass the run's deadline."""
        left = self.visit.drive.seconds_left()
        if left is None:
            return False
        delay = self.plan().delay(self.retries + 1, self._seed(), (error.retry_after or 0) * 1000)
        return delay / 1000 >= left

    def _ignores(self, error: Error) -> bool:
        """Whether the step goes on without its result when it took too long."""
        policy = self.step.timeout_policy
        if error.error_class != "timeout" or policy is None or policy.on_timeout != "fail_open":
            return False
        limit = self.timeout_ms(0)
        self.emit("timeout_ignored", {"timeout_ms": limit or None, "scope": "step"})
        for name in (self.step.output_variable, *self.step.outputs):
            if name:
                self.visit.write(name, None)
        return True

    def _seed(self) -> str:
        return f"{self.visit.drive.run.pk}|{self.path}|{self.step.step_id}|{self.attempt}"


def _assume(visit: Visit, unit: Step | Operation, stub: Json) -> Json:
    """Let what stands for a result stand in each variable that a step or operation sets."""
    for name, _ in unit_writes(unit):
        visit.write(name, stub)
    return stub


def _error(error: EvaluationError | OperationError | NotStorable) -> Error:
    if isinstance(error, EvaluationError):
        return Error(error.error_class, error.message, code=error.kind)
    if isinstance(error, OperationError):
        return Error(error.error_class, error.message)
    return Error("invalid_value", str(error))
