"""Asking a person: the approval of a visit, the wait for it, and its answer (runtime 17)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from approvals.rules.audience import Named, named
from approvals.rules.escalation import Step
from approvals.selectors import times_asked
from approvals.services import OpenApproval, open_approval
from orchestration.choices import WaitKind, WaitState
from orchestration.runtime import moments, prompts, standins
from orchestration.runtime.context import Answer
from orchestration.runtime.outcomes import Json
from orchestration.runtime.records import WaitRow, moment, to_json
from orchestration.runtime.visiting import Visit
from procedures.ckp.document import Escalation, FourEyes, HumanApprovalNode, VariableMeta
from procedures.ckp.durations import parse_duration
from procedures.graph import words

KINDS: Final = {"date": "string", "datetime": "string", "file": "string", "password": "string"}
FORMATS: Final = {"date": "date", "datetime": "date-time"}
COUNTED: Final = {"string": "Length", "array": "Items"}


def approval(visit: Visit, node: HumanApprovalNode) -> Answer | None:
    """The answer; none while nobody has decided, after asking the first time."""
    if standins.is_dry(visit):
        return Answer(WaitState.ANSWERED, standins.decision(visit, node))
    wait = visit.drive.records.wait(visit.path, WaitKind.APPROVAL)
    if wait is not None and wait.state != WaitState.OPEN:
        return Answer(wait.state, wait.answer)
    if wait is None:
        _ask(visit, node)
    return None


def _ask(visit: Visit, node: HumanApprovalNode) -> None:
    question = _question(visit, node)
    to_json([question.title, question.prompt, question.form, question.context_data])
    visit.emit("node_paused", {"reason": "approval", "node_name": visit.name})
    with visit.drive.journal.together():
        opened = open_approval(question)
        visit.store()
        until = opened.expires_at
        visit.drive.journal.wait(
            WaitRow(
                visit.path, "", WaitKind.APPROVAL, str(opened.pk), moment(visit.at), moment(until) if until else None
            )
        )


def _question(visit: Visit, node: HumanApprovalNode) -> OpenApproval:
    run = visit.drive.run
    return OpenApproval(
        tenant_id=run.tenant_id,
        project_id=run.project_id,
        run_id=run.pk,
        path=visit.path,
        node_id=visit.node_id,
        procedure_id=run.procedure_key,
        procedure_version=run.procedure_version,
        title=_title(visit, node),
        retry=max(run.retry_count, times_asked(run.pk, visit.path)),
        node_name=visit.name,
        run_title=str(run),
        prompt=visit.text(node.prompt, "prompt") if node.prompt else "",
        decision_type=node.decision_type,
        options=[{"value": option.value, "label": option.label or option.value} for option in node.choices],
        form=_form(visit, node),
        editable=[_editable(visit, name) for name in node.editable],
        context_data=_context(visit, node.context_data),
        approvers=_approvers(visit, node),
        min_approvers=node.min_approvers,
        min_rejections=node.min_rejections,
        initiator_id=run.initiator_id,
        bulk_allowed=node.bulk_allowed,
        comment_required=node.comment_required,
        expires_at=_expires_at(visit, node),
        timeout_action=node.timeout_action or "",
        escalation_contact=node.escalation_contact or "",
        escalation=[_escalation(step) for step in node.escalation],
        four_eyes=node.four_eyes if isinstance(node.four_eyes, bool) else None,
        not_deciders_of=node.four_eyes.not_deciders_of if isinstance(node.four_eyes, FourEyes) else (),
    )


def _title(visit: Visit, node: HumanApprovalNode) -> str:
    return visit.text(node.title, "title") if node.title else words.name(visit.node_id, node.description)


def _form(visit: Visit, node: HumanApprovalNode) -> dict[str, Json] | None:
    """The form, with the templates in the defaults of its properties filled."""
    if node.form is None:
        return None
    properties = {
        name: {**schema, "default": visit.value(schema["default"], "form", "properties", name, "default")}
        if isinstance(schema, dict) and "default" in schema
        else schema
        for name, schema in node.form.get("properties", {}).items()
    }
    return {**node.form, "properties": properties} if properties else dict(node.form)


def _editable(visit: Visit, name: str) -> dict[str, Any]:
    """A variable that the decider may correct; one that is masked elsewhere can be replaced, but is not shown."""
    meta = visit.document.variables_schema.get(name)
    label = (meta.label if meta else None) or name
    value = visit.variables.get(name)
    found = {"name": name, "label": label, "schema": _schema(meta), "value": value}
    redactor = visit.drive.journal.redactor
    hidden = redactor.hides(name, "" if value is None else value) or redactor.redact(value) != value
    return found | {"value": None, "hidden": True} if hidden else found


def _schema(meta: VariableMeta | None) -> dict[str, Json]:
    """What a declared variable allows, as JSON Schema."""
    if meta is None:
        return {}
    if isinstance(meta.json_schema, dict):
        return meta.json_schema
    limits, kind = meta.validation, KINDS.get(meta.type or "", meta.type)
    found: dict[str, Json] = {
        "type": kind,
        "format": FORMATS.get(meta.type or ""),
        "pattern": f"^(?:{limits.regex})$" if limits.regex else None,
        "enum": limits.allowed_values,
    }
    if kind in ("number", "integer"):
        found |= {"minimum": limits.min, "maximum": limits.max}
    elif kind in COUNTED:
        found |= {f"min{COUNTED[kind]}": limits.min_length, f"max{COUNTED[kind]}": limits.max_length}
    return {name: value for name, value in found.items() if value is not None}


def _context(visit: Visit, sources: Mapping[str, Json]) -> Json:
    """What is shown beside the question; entry by entry, so that one which cannot be shown hides no other."""
    shown = {name: prompts.shown(visit, source, ("context_data", name)) for name, source in sources.items()}
    return visit.drive.journal.redactor.redact(shown)


def _approvers(visit: Visit, node: HumanApprovalNode) -> Named:
    if node.approvers is None:
        return Named()
    written = node.approvers
    found = Named(frozenset(written.users), frozenset(written.groups), frozenset(written.roles))
    if written.expression is None:
        return found
    names = visit.expression(written.expression, "approvers", "expression")
    computed = named([str(name) for name in (names if isinstance(names, list) else [names]) if name])
    return Named(found.users | computed.users, found.groups | computed.groups, found.roles | computed.roles)


def _expires_at(visit: Visit, node: HumanApprovalNode) -> datetime | None:
    if node.due_in is not None:
        return moments.after(visit.at, visit.value(node.due_in, "due_in"), visit.zone)
    if node.timeout_ms is not None:
        return visit.at + timedelta(milliseconds=moments.milliseconds(visit.value(node.timeout_ms, "timeout_ms")))
    return None


def _escalation(step: Escalation) -> Step:
    to = Named(frozenset(step.to.users), frozenset(step.to.groups), frozenset(step.to.roles))
    return Step(to, step.mode, _seconds(step.after), _seconds(step.before_due))


def _seconds(duration: str | None) -> float | None:
    return None if duration is None else parse_duration(duration).milliseconds / 1000
