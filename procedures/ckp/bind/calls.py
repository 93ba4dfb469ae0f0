"""Calls and who offers them (CKP502, CKP503, CKP505, CKP506, CKP-L03, CKP-L07, CKP-L10)."""

from collections.abc import Iterator

from procedures.ckp.actions import action_allowed
from procedures.ckp.checks.steps import called_actions
from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import LlmActionNode, Node, ProcessingNode, SequenceNode
from procedures.ckp.document.steps import Step
from procedures.ckp.effects import capabilities_of, is_call, is_internal, side_effect
from procedures.ckp.fields import table_of
from procedures.ckp.gates import unapproved
from procedures.ckp.registry import Capability
from procedures.ckp.report import Path
from procedures.ckp.taint import Taint, model_data
from procedures.ckp.uses import Use
from procedures.ckp.versions import PinFault, padded, read_range

_AGENT_CHECKS = ("screen_text_contains", "element_exists")


def outside_calls(subject: Subject) -> Iterator[tuple[Node, Step, Path]]:
    """The steps that go to agents and tools."""
    for node, step, place in subject.steps:
        if step.action and not is_internal(step, node):
            yield node, step, place


def actions_are_offered(subject: Subject) -> None:
    """CKP502 and CKP503, and CKP329 for a range that cannot be read."""
    for node, step, place in outside_calls(subject):
        _check_offer(subject, node, step, place)
    for _, node, place in subject.nodes_of(SequenceNode):
        for index, validation in enumerate(node.validations):
            if validation.check in _AGENT_CHECKS:
                step = Step(action=validation.check)
                _check_offer(subject, node, step, (*place, "validations", index))


def _check_offer(subject: Subject, node: Node, step: Step, place: Path) -> None:
    accepts = None
    if step.required_capability_version:
        try:
            accepts = read_range(step.required_capability_version).accepts
        except PinFault as fault:
            subject.report("CKP329", (*place, "required_capability_version"), str(fault))
    offered = capabilities_of(step, node, subject.registry)
    if offered is None:
        return
    agent = step.agent or node.agent
    if not offered:
        message = f"Nobody registered as '{agent}' offers '{step.action}' now."
        subject.report("CKP502", (*place, "action") if subject.raw((*place, "action")) else place, message)
    elif accepts and not any(one.version and accepts(padded(one.version)) for one in offered):
        known = ", ".join(sorted({one.version or "none" for one in offered}))
        message = f"'{agent}' offers '{step.action}' in version {known}, not {step.required_capability_version}."
        subject.report("CKP503", (*place, "required_capability_version"), message)


def project_allows_actions(subject: Subject) -> None:
    """CKP505 against the list of the project."""
    allowed = subject.registry.allowed_actions()
    if allowed is None:
        return
    for action, place in called_actions(subject):
        if not action_allowed(action, allowed):
            subject.report("CKP505", place, f"The project does not allow '{action}'.")


def parameters_are_not_misspelt(subject: Subject) -> None:
    """CKP506."""
    fields = table_of(Step)
    for node, step, place in outside_calls(subject):
        declared = _declared(capabilities_of(step, node, subject.registry) or ())
        for key in step.parameters:
            near = subject.report.nearest(key, fields) if key not in fields and key not in declared else None
            if near:
                message = f"'{key}' is sent as a parameter; a field of the step is called '{near}'."
                subject.report("CKP506", (*place, key), message, hint=f"Did you mean '{near}'?")


def _declared(capabilities: tuple[Capability, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(capability.parameters or frozenset() for capability in capabilities))


def model_data_is_guarded(subject: Subject) -> None:
    """CKP-L03."""
    if not any(True for _ in subject.nodes_of(LlmActionNode)):
        return
    taint = model_data(subject)
    writes = _write_units(subject)
    for node_id, program in subject.programs.items():
        for moment, tainted in taint.moments(program, taint.entry.get(node_id, 0)):
            for use in moment.uses:
                if use.path[:5] in writes:
                    _check_parameter(subject, taint, tainted, use)


def _check_parameter(subject: Subject, taint: Taint, tainted: int, use: Use) -> None:
    name = taint.reads(use, tainted)
    if name:
        message = f"'{name}' comes from a model and goes into a call that writes, and nothing has checked it."
        hint = "Put a verification or an approval between."
        subject.report("CKP-L03", use.path, message, hint=hint)


def _write_units(subject: Subject) -> set[Path]:
    """The places of steps and operations that write outside."""
    found: set[Path] = set()
    for node, step, place in subject.steps:
        writes = step.action and is_call(step, node)
        if writes and side_effect(step, node, subject.registry) in ("write", "irreversible"):
            found.add(place)
    for _, node, place in subject.nodes_of(ProcessingNode):
        for index, operation in enumerate(node.operations):
            if operation.action == "notify":
                found.add((*place, "operations", index))
    return found


def irreversible_calls_have_a_gate(subject: Subject) -> None:
    """CKP-L07: a path on which nobody approves; on each it may be another approval that somebody gives."""
    risky = [
        place
        for node, step, place in outside_calls(subject)
        if "compensate_with" not in place and side_effect(step, node, subject.registry) == "irreversible"
    ]
    open_ways = unapproved(subject.document, subject.region_map) if risky else set()
    for place in risky:
        if place[2] in open_ways:
            message = "The call cannot be undone, and not every path to it passes an approval."
            subject.report("CKP-L07", place, message, hint="Put a human_approval before it.")


def retried_writes_keep_keys(subject: Subject) -> None:
    """CKP-L10."""
    for node, step, place in outside_calls(subject):
        offered = capabilities_of(step, node, subject.registry)
        if not (step.retries and offered) or all(capability.keeps_keys for capability in offered):
            continue
        if side_effect(step, node, subject.registry) in ("write", "irreversible"):
            message = f"'{step.action}' is retried, and who offers it does not say that it keeps keys."
            subject.report("CKP-L10", place, message, hint="The effect may happen twice.")
