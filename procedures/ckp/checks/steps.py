"""Steps: identity, binding, compensation, waits (CKP210, CKP222, CKP224, CKP501, CKP505, CKP508, CKP515, CKP516)."""

from collections.abc import Iterator
from typing import Any, Final

from procedures.ckp.actions import ACTIONS, APPROVALS, action_allowed
from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import ProcessingNode
from procedures.ckp.document.steps import Step
from procedures.ckp.durations import DurationFault, parse_duration
from procedures.ckp.effects import agent_of, is_call, is_internal
from procedures.ckp.report import Path

LONGEST_COMPENSATION_WAIT_MS: Final = 2_000


def step_ids_are_unique(subject: Subject) -> None:
    """CKP210: steps of the lists that run on one path."""
    seen: set[tuple[str | int, str, str]] = set()
    for _, step, place in subject.steps:
        key = (place[2], _path_kind(place[3:]), step.step_id)
        if step.step_id and key in seen:
            message = f"The step_id '{step.step_id}' stands twice in the node."
            subject.report("CKP210", (*place, "step_id"), message)
        seen.add(key)


def _path_kind(below: Path) -> str:
    if "compensate_with" in below:
        return "undo"
    return "handler" if below[0] == "error_handlers" else "visit"


def calls_have_an_agent(subject: Subject) -> None:
    """CKP501."""
    for node, step, place in subject.steps:
        if step.action in APPROVALS:
            continue
        if step.action and not is_internal(step, node) and not agent_of(step, node):
            message = f"'{step.action}' is no action of LangOrch, and neither step nor node names an agent."
            near = subject.report.nearest(step.action, ACTIONS)
            hint = f"Did you mean '{near}'?" if near else "Name an agent on the step or the node."
            subject.report("CKP501", place, message, hint=hint)


def actions_are_allowed(subject: Subject) -> None:
    """CKP505 against the list of the document."""
    allowed = subject.document.global_config.allowed_actions
    if allowed is None:
        return
    for action, place in called_actions(subject):
        if not action_allowed(action, allowed):
            subject.report("CKP505", place, f"'{action}' is not among the allowed_actions of the document.")


def called_actions(subject: Subject) -> Iterator[tuple[str, Path]]:
    """The actions of all calls, with the place of each name."""
    for node, step, place in subject.steps:
        if step.action and is_call(step, node):
            yield step.action, (*place, "action")
    for _, node, place in subject.nodes_of(ProcessingNode):
        for index, operation in enumerate(node.operations):
            if operation.action in ACTIONS and ACTIONS[operation.action].call:
                yield operation.action, (*place, "operations", index, "action")


def dispatch_fits(subject: Subject) -> None:
    """CKP508, and CKP015 for the synchronous mode of what is never dispatched."""
    for node, step, place in subject.steps:
        if not step.workflow_dispatch_mode or not step.action or not is_internal(step, node):
            continue
        where = (*place, "workflow_dispatch_mode")
        if step.workflow_dispatch_mode == "async":
            subject.report("CKP508", where, f"'{step.action}' is an internal action and cannot run asynchronously.")
        else:
            subject.report("CKP015", where, f"'workflow_dispatch_mode' has no effect on '{step.action}'.")


def screenshots_have_an_agent(subject: Subject) -> None:
    """CKP515."""
    for node, step, place in subject.steps:
        if step.action == "screenshot" and is_internal(step, node):
            subject.report("CKP515", place, "There is no agent to take the screenshot; the result is null.")
        elif step.screenshot_on_complete and is_internal(step, node):
            where = (*place, "screenshot_on_complete")
            subject.report("CKP515", where, "There is no agent to take the screenshot.")
    for _, node, place in subject.nodes_of(ProcessingNode):
        for index, operation in enumerate(node.operations):
            if operation.action == "screenshot":
                where = (*place, "operations", index)
                subject.report("CKP515", where, "There is no agent to take the screenshot; the result is null.")


def compensation_is_plain(subject: Subject) -> None:
    """CKP224 and CKP222: what undoes is short and is not undone itself."""
    for _, step, place in subject.steps:
        if "compensate_with" not in place:
            continue
        if step.compensate_with:
            message = "A compensation step cannot be compensated itself."
            subject.report("CKP224", (*place, "compensate_with"), message)
        if _longest_wait_ms(step) > LONGEST_COMPENSATION_WAIT_MS:
            subject.report("CKP222", place, "A compensation step may not wait longer than 2 s.")


def _longest_wait_ms(step: Step) -> float:
    """The longest wait of a step in milliseconds; templates count as short, moments as long."""
    waits = [wait for wait in (step.wait_ms, step.wait_after_ms) if isinstance(wait, int)]
    if step.action == "wait_until":
        return float("inf")
    if step.action == "wait":
        given = step.parameters.get("duration_ms")
        waits.append(given if isinstance(given, int) else _duration_ms(step.parameters.get("duration")))
    return max(waits, default=0)


def _duration_ms(text: Any) -> int:
    try:
        return parse_duration(text).milliseconds if isinstance(text, str) else 0
    except DurationFault:
        return 0


def approvals_are_nodes(subject: Subject) -> None:
    """CKP222: a person is asked by a node, never by a step."""
    for _, step, place in subject.steps:
        if step.action in APPROVALS:
            message = "An approval cannot stand in a list of steps."
            subject.report("CKP222", (*place, "action"), message, hint="Use a node of type human_approval.")


def parameters_have_effect(subject: Subject) -> None:
    """CKP015 for fields of internal actions, and policies, that another field makes idle."""
    pairs = {"log": ("message", "value"), "wait": ("duration_ms", "duration")}
    for _, step, place in subject.steps:
        first, second = pairs.get(step.action, ("", ""))
        if first in step.parameters and second in step.parameters:
            subject.report("CKP015", (*place, second), f"'{second}' has no effect beside '{first}'.")
        if step.idempotency_policy is not None and step.idempotency_key is not None:
            message = "'idempotency_key' has no effect beside 'idempotency_policy'."
            subject.report("CKP015", (*place, "idempotency_key"), message)
