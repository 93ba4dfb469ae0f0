"""Carrying out a step at an agent: slot and record, call, reply (runtime 9, protocols 2 and 5)."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

from agents import leases
from agents.choices import CapabilityType
from agents.choosing import Need
from agents.dispatch import http as agents
from agents.dispatch.base import Call, CallFault, Replied
from agents.leases import Holder, Taken
from langorch.lib import clock
from orchestration import capacity
from orchestration.runtime import awaiting, doubt, intake, prompts, workflows
from orchestration.runtime.outcomes import Error, Json, StepFailed, Suspended
from orchestration.runtime.records import to_json
from orchestration.runtime.slots import LOST, Slot, SlotLost
from orchestration.runtime.stepping import RecordedStep
from procedures.ckp.effects import default_side_effect

MARGIN_SECONDS: Final = 1.0
"""A call is given so much longer than a limit of time further out, so that the limit itself is what ends it."""
NOT_ASYNC: Final = (
    "{action} is a workflow, and workflows are called synchronously only: say workflow_dispatch_mode sync."
)


class AgentCall:
    """One attempt of a step at an agent. Its slot is held until the outcome is recorded."""

    def __init__(self, run: RecordedStep) -> None:
        self.run = run
        self.visit = run.visit
        self.slot: Slot | None = None
        self.verdict: str | None = None
        """What the outcome says of the agent: empty that it is well, else why it is not; none says nothing."""

    def result(self) -> Json:
        """What the agent answers. Raises `StepFailed`, and `Suspended` while no agent can be had."""
        visit = self.visit
        told = prompts.parameters(visit, self.run.step.parameters, self.run.place)
        params: dict[str, Json] = told.value
        self.run.shown = told.shown
        seconds = self.run.timeout_ms(settings.ENV.AGENT_TIMEOUT_SECONDS * 1000) / 1000
        with visit.drive.calling(visit.look):
            self._take(seconds)
            return self._received(self._send(params, seconds))

    def settle(self) -> None:
        """The outcome is being recorded: the slot goes back in the same transaction."""
        if self.slot is not None and self.slot.held:
            self.slot.give_back(self.verdict)

    def cut(self, reason: str) -> None:
        """There will be no outcome."""
        if self.slot is not None and self.slot.held:
            self.slot.cut(reason)

    def _take(self, seconds: float) -> None:
        """Take a slot and record that the step is about to be sent, together."""
        need = self._need()
        failure: StepFailed | None = None
        with self.visit.drive.transaction():
            found = leases.take(need, self._holder(), again=self.run.attempt > 1 or self.run.recorded is not None)
            if isinstance(found, Taken):
                failure = self._started(found, seconds)
            else:
                try:
                    awaiting.park(self.run, need, found)
                except StepFailed as given_up:
                    failure = given_up
        if failure is not None:
            raise failure
        if self.slot is None:
            raise Suspended
        self.slot.stored()

    def _started(self, taken: Taken, seconds: float) -> StepFailed | None:
        """Record the attempt; how it failed if it cannot be made."""
        if taken.offer.type == CapabilityType.WORKFLOW and workflows.mode(self.run) == "async":
            leases.release(taken.lease_id, taken.agent.pk)
            return StepFailed(Error("no_executor", NOT_ASYNC.format(action=self.run.step.action)))
        run, agent = self.run, taken.agent
        self.slot = Slot(run, taken)
        run.agent = agent.agent_id
        effect = run.step.side_effect or taken.offer.side_effect or default_side_effect(run.step.action)
        run.irreversible = effect == "irreversible"
        if taken.lost is not None:
            self._tell_lost(taken)
        run.started()
        self._tell_started(taken, seconds)
        return None

    def _tell_lost(self, taken: Taken) -> None:
        assert taken.lost is not None
        before, reason = taken.lost
        told = {
            "channel": taken.agent.channel,
            "from_agent_id": before.agent_id,
            "to_agent_id": taken.agent.agent_id,
            "reason": reason,
        }
        self.run.emit("affinity_lost", told)

    def _tell_started(self, taken: Taken, seconds: float) -> None:
        told: dict[str, Any] = {
            "action": self.run.step.action,
            "binding": "workflow" if taken.offer.type == CapabilityType.WORKFLOW else "agent_http",
            "agent_id": taken.agent.agent_id,
            "lease_id": str(taken.lease_id),
            "deadline": self._deadline(seconds).isoformat(),
        }
        self.run.emit("step_started", self.run.with_params(told, self.run.shown))

    def _send(self, params: dict[str, Json], seconds: float) -> Replied:
        slot = self.slot
        assert slot is not None
        secrets, base_url = self.visit.drive.secrets, slot.agent.base_url
        sent = secrets.resolve(params, base_url)
        if slot.taken.offer.type == CapabilityType.WORKFLOW:
            sent = {**sent, "_workflow_context": workflows.context(self.run, secrets.shown(params))}
        call = self._call(slot.taken, sent, seconds)
        left = self.visit.seconds_left()
        given = seconds if left is None or left > seconds else left + MARGIN_SECONDS
        try:
            with self.visit.drive.crowd.baton.aside():
                return agents.execute(base_url, call, given, slot.look)
        except CallFault as fault:
            raise self._failed(fault, seconds) from None
        except SlotLost:
            slot.tell_cancel("lease lost")
            raise StepFailed(self._in_doubt(Error("agent_unreachable", LOST))) from None

    def _failed(self, fault: CallFault, seconds: float) -> StepFailed:
        """The failure of an attempt, in the words of runtime 11."""
        slot = self.slot
        assert slot is not None
        self.visit.look()
        secrets = self.visit.drive.secrets
        error = Error(
            fault.error_class,
            secrets.without(fault.message),
            error_type=fault.error_type,
            http_status=fault.http_status,
            agent=slot.agent.agent_id,
            retryable=fault.retryable,
            retry_after=fault.retry_after,
            details={**secrets.without(fault.details), **_time_given(fault, seconds)},
        )
        self.verdict = error.message if fault.sick else "" if fault.sent else None
        if isinstance(fault.artifacts, list):
            self._keep(fault.artifacts)
        if fault.error_class == "timeout":
            told = {"timeout_ms": seconds * 1000, "action": self.run.step.action, "binding": "agent_http"}
            self.run.emit("step_timeout", told)
            slot.tell_cancel("timeout")
        return StepFailed(self._in_doubt(error) if fault.in_doubt else error)

    def _in_doubt(self, error: Error) -> Error:
        """The error of an attempt whose effect may have happened; it is final where that must not happen twice."""
        repeatable = not self.run.irreversible or (self.slot is not None and self.slot.taken.offer.keeps_keys)
        return error if repeatable else doubt.unknown(self.run, error)

    def _received(self, replied: Replied) -> Json:
        """The result as it is recorded, with what it names taken in."""
        self.verdict = ""
        beside = replied.artifacts if isinstance(replied.artifacts, list) else []
        try:
            return intake.take_in(self.visit, self._intake(), replied.result, beside)
        except StepFailed as failure:
            lost = failure.error.error_class == "artifact_store"
            raise StepFailed(self._in_doubt(failure.error) if lost else failure.error) from None

    def _keep(self, artifacts: list[Any]) -> None:
        """Keep what a failed attempt shows; that it cannot be stored is told, and the failure stays what it is."""
        try:
            intake.keep(self.visit, self._intake(), None, artifacts)
        except StepFailed as failure:
            self.run.emit("artifact_rejected", {"reason": failure.error.message})

    def _intake(self) -> intake.Call:
        return intake.Call(self.run.path, self.run.step.step_id, self.run.attempt)

    def _deadline(self, seconds: float) -> datetime:
        left = self.visit.seconds_left()
        return clock.now() + timedelta(seconds=seconds if left is None else min(seconds, left))

    def _need(self) -> Need:
        step, run = self.run.step, self.visit.drive.run
        return Need(
            run.tenant_id,
            run.project_id,
            self._name(),
            step.action.strip(),
            step.pool,
            capacity.accepts(step.required_capability_version),
            doubt.only_agent(self.run),
        )

    def _name(self) -> str:
        """The agent or channel that is wanted. Raises `NotStorable` for what can be no name of one."""
        step, node = self.run.step, self.visit.node
        place = (*self.run.place, "agent") if step.agent else ("agent",)
        name = str(self.visit.value(step.agent or node.agent or "", *place)).strip().lower()
        to_json(name)
        return name

    def _holder(self) -> Holder:
        return Holder(self.visit.drive.run.pk, self.visit.node_id, self.run.path, self.run.step.step_id)

    def _call(self, taken: Taken, params: dict[str, Json], seconds: float) -> Call:
        return Call(
            action=self.run.step.action,
            params=params,
            run_id=self.visit.drive.run.pk,
            node_id=self.visit.node_id,
            step_id=self.run.step.step_id,
            path=self.run.path,
            attempt=self.run.attempt,
            idempotency_key=self.run.key,
            dispatch_id=taken.dispatch_id,
            deadline=self._deadline(seconds),
        )


def _time_given(fault: CallFault, seconds: float) -> dict[str, Json]:
    return {"timeout_ms": seconds * 1000} if fault.error_class == "timeout" else {}
