"""Who decides and who is told (CKP113 for calendars, CKP512 to CKP514)."""

from collections.abc import Iterator
from typing import Any

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import Approvers, HumanApprovalNode, ProcessingNode, SequenceNode
from procedures.ckp.report import Path

_KINDS = (("users", "user"), ("groups", "group"), ("roles", "role"))


def people_exist(subject: Subject) -> None:
    """CKP512."""
    for kind, name, place in _named_people(subject):
        if subject.registry.has_person(kind, name) is False:
            subject.report("CKP512", place, f"There is no {kind} '{name}'.")


def _named_people(subject: Subject) -> Iterator[tuple[str, str, Path]]:
    for _, node, place in subject.nodes_of(HumanApprovalNode):
        audiences: list[tuple[Any, Path]] = [(node.approvers, (*place, "approvers"))]
        audiences += [(step.to, (*place, "escalation", index, "to")) for index, step in enumerate(node.escalation)]
        for audience, where in audiences:
            for field, kind in _KINDS if audience else ():
                for index, name in enumerate(getattr(audience, field)):
                    yield kind, name, (*where, field, index)


def quorums_can_be_met(subject: Subject) -> None:
    """CKP513."""
    for _, node, place in subject.nodes_of(HumanApprovalNode):
        people = _deciders(subject, node.approvers) if node.approvers else None
        if people is None:
            continue
        excluded = _excluded(subject, node)
        for field in ("min_approvers", "min_rejections"):
            wanted = getattr(node, field)
            left = len(people - excluded)
            if wanted > left:
                who = f"{len(people)} people may decide" + (f", {left} of them under four-eyes" if excluded else "")
                where = (*place, field) if field in subject.raw(place) else (*place, "approvers")
                subject.report("CKP513", where, f"{wanted} different people are needed, and {who}.")


def _deciders(subject: Subject, approvers: Approvers) -> frozenset[str] | None:
    """Everybody who may decide; None when that is known only at run time."""
    if approvers.expression is not None:
        return None
    people: frozenset[str] = frozenset()
    for field, kind in _KINDS:
        for name in getattr(approvers, field):
            members = subject.registry.members(kind, name)
            if kind == "user" and not members:
                members = frozenset({name})
            if members is None:
                return None
            people |= members
    return people or None


def _excluded(subject: Subject, node: HumanApprovalNode) -> frozenset[str]:
    """People who surely have decided at the nodes whose deciders are excluded."""
    excluded: frozenset[str] = frozenset()
    rule = node.four_eyes
    for node_id in [] if rule is None or isinstance(rule, bool) else rule.not_deciders_of:
        other = subject.document.nodes.get(node_id)
        if isinstance(other, HumanApprovalNode) and other.approvers:
            people = _deciders(subject, other.approvers) or frozenset()
            if len(people) == other.min_approvers:
                excluded |= people
    return excluded


def channels_exist(subject: Subject) -> None:
    """CKP514."""
    for name, place in _channels(subject):
        if name != "email" and subject.registry.has_channel(name) is False:
            subject.report("CKP514", place, f"There is no notice channel '{name}'.")
    for name, place in _contacts(subject):
        if "@" not in name and not _is_person(subject, name):
            subject.report("CKP514", place, f"There is no contact '{name}'.")


def _is_person(subject: Subject, name: str) -> bool:
    answers = [subject.registry.has_person(kind, name) for _, kind in _KINDS]
    return any(answer is not False for answer in answers)


def _channels(subject: Subject) -> Iterator[tuple[str, Path]]:
    config = subject.document.global_config.notifications
    for index, name in enumerate(config.channels):
        yield name, ("global_config", "notifications", "channels", index)
    for _, step, place in subject.steps:
        if step.action == "notify" and isinstance(step.parameters.get("channel"), str):
            yield step.parameters["channel"], (*place, "channel")
    for _, node, place in subject.nodes_of(ProcessingNode):
        for index, operation in enumerate(node.operations):
            if operation.action == "notify" and isinstance(operation.parameters.get("channel"), str):
                yield operation.parameters["channel"], (*place, "operations", index, "channel")
    yield from _node_channels(subject)


def _node_channels(subject: Subject) -> Iterator[tuple[str, Path]]:
    for _, node, place in subject.nodes_of(HumanApprovalNode):
        for index, name in enumerate(node.notify.channels if node.notify else ()):
            yield name, (*place, "notify", "channels", index)
    for _, node, place in subject.nodes_of(SequenceNode):
        for number, handler in enumerate(node.error_handlers):
            rule = handler.notify_on_error
            for index, name in enumerate(() if isinstance(rule, bool) else rule.channels):
                yield name, (*place, "error_handlers", number, "notify_on_error", "channels", index)


def _contacts(subject: Subject) -> Iterator[tuple[str, Path]]:
    config = subject.document.global_config.notifications
    for index, name in enumerate(config.escalation_contacts):
        yield name, ("global_config", "notifications", "escalation_contacts", index)
    for _, node, place in subject.nodes_of(HumanApprovalNode):
        if node.escalation_contact:
            yield node.escalation_contact, (*place, "escalation_contact")


def calendars_exist(subject: Subject) -> None:
    """CKP113."""
    for name, place in _calendars(subject):
        if subject.registry.has_calendar(name) is False:
            subject.report("CKP113", place, f"There is no business calendar '{name}'.")


def _calendars(subject: Subject) -> Iterator[tuple[str, Path]]:
    calendar = subject.document.global_config.business_calendar
    if calendar:
        yield calendar, ("global_config", "business_calendar")
    for _, node, place in subject.all_nodes():
        if node.sla and node.sla.calendar:
            yield node.sla.calendar, (*place, "sla", "calendar")
        if isinstance(node, HumanApprovalNode) and node.calendar:
            yield node.calendar, (*place, "calendar")
    for _, step, place in subject.steps:
        if step.action == "wait_until" and isinstance(step.parameters.get("calendar"), str):
            yield step.parameters["calendar"], (*place, "calendar")
