"""Asking an agent for a picture of what it sees: after a success, or of a failure (CKP 1.1, 2.1, 2.3).

A picture never changes what becomes of its step; why there is none is told.
"""

from datetime import timedelta
from typing import Final

from agents import capabilities, leases, selectors
from agents.choosing import Need
from agents.dispatch import http as agents
from agents.dispatch.base import Call, CallFault
from agents.leases import Holder, Taken
from langorch.lib import clock, ids
from orchestration.runtime import intake, paths
from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.records import NotStorable
from orchestration.runtime.slots import Slot, SlotLost
from orchestration.runtime.stepping import RecordedStep
from orchestration.runtime.visiting import Visit

ACTIONS: Final = ("screenshot", "take_screenshot")
SECONDS: Final = 30.0
OF_FAILURES: Final = "failed"
OF_SUCCESSES: Final = "completed"


def of_slot(run: RecordedStep, slot: Slot, reason: str) -> None:
    """Take a picture with the slot that the attempt still holds."""
    agent = slot.agent
    action = next((name for name in ACTIONS if capabilities.find(agent.capabilities, name)), "")
    if not action:
        _tell(run.visit, run.step.step_id, run.attempt, reason, f"{agent.agent_id} offers no screenshot")
        return
    call = _call(run.visit, run.step.step_id, run.path, run.attempt, action)
    _tell(run.visit, call.step_id, call.attempt, reason, _fault(run.visit, agent.base_url, call, slot))


def of_error(visit: Visit, error: Error) -> None:
    """Take a picture of a failure whose slot is given back already, with a slot of the same agent if one is free."""
    run = visit.drive.run
    offering = [
        name
        for name in ACTIONS
        if error.agent and any(selectors.offers(run.tenant_id, run.project_id, error.agent, name))
    ]
    if not offering:
        _tell(visit, error.step_id, error.attempt, OF_FAILURES, "no agent to take it")
        return
    need = Need(run.tenant_id, run.project_id, error.agent.lower(), offering[0], only=error.agent)
    holder = Holder(run.pk, visit.node_id, error.path or visit.path, f"{error.step_id}!screenshot"[:128])
    with visit.drive.transaction():
        taken = leases.take(need, holder, again=False)
    if not isinstance(taken, Taken):
        _tell(visit, error.step_id, error.attempt, OF_FAILURES, f"{error.agent} is busy")
        return
    call = _call(visit, error.step_id, error.path or visit.path, error.attempt or 1, offering[0])
    try:
        fault = _fault(visit, taken.agent.base_url, call, None)
    finally:
        with visit.drive.transaction():
            leases.release(taken.lease_id, taken.agent.pk)
    _tell(visit, error.step_id, error.attempt, OF_FAILURES, fault)


def _fault(visit: Visit, base_url: str, call: Call, slot: Slot | None) -> str:
    """Why there is no picture, empty when it was taken in."""
    look = visit.look if slot is None else slot.look
    try:
        with visit.drive.crowd.baton.aside():
            replied = agents.execute(base_url, call, SECONDS, look)
        result: Json = replied.result
        shown = {"screenshot": result} if isinstance(result, str) else result
        beside = replied.artifacts if isinstance(replied.artifacts, list) else []
        intake.keep(visit, intake.Call(call.path, call.step_id, call.attempt), shown, beside)
    except (CallFault, StepFailed, NotStorable) as fault:
        return str(visit.drive.secrets.without(str(fault)))
    except SlotLost:
        return "the slot of the agent was lost"
    return ""


def _call(visit: Visit, step_id: str, path: str, attempt: int, action: str) -> Call:
    run_id = visit.drive.run.pk
    return Call(
        action=action,
        params={},
        run_id=run_id,
        node_id=visit.node_id,
        step_id=step_id,
        path=path,
        attempt=attempt,
        idempotency_key=f"{paths.key(run_id, path, step_id)}:{action}:{attempt}",
        dispatch_id=ids.uuid7(),
        deadline=clock.now() + timedelta(seconds=SECONDS),
    )


def _tell(visit: Visit, step_id: str, attempt: int | None, reason: str, fault: str) -> None:
    visit.emit("screenshot_requested", {"reason": reason, "error": fault or None}, step_id, attempt)
