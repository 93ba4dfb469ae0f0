"""What a decision must contain, by the kind of question."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from approvals.rules import schema
from langorch.lib.errors import Place
from langorch.lib.redaction import REDACTED

APPROVED: Literal["approved"] = "approved"
REJECTED: Literal["rejected"] = "rejected"
COMMENT_MAX = 10_000

AUTOMATIC: Mapping[str, str] = {
    APPROVED: "Approved by itself at the due time.",
    REJECTED: "Rejected by itself at the due time.",
}
"""The comments of the system's own decisions."""
SPELLINGS = {"approve": APPROVED, "approved": APPROVED, "reject": REJECTED, "rejected": REJECTED}


@dataclass(frozen=True, slots=True)
class Question:
    """What the answer is checked against. `editable` maps names of variables to their JSON Schemas."""

    decision_type: str
    options: tuple[str, ...] = ()
    form: Mapping[str, Any] | None = None
    editable: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    comment_required: str = "on_reject"


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody decided. `edits` maps names of variables to corrected values."""

    verdict: str
    comment: str = ""
    selected_option: str | None = None
    payload: dict[str, Any] | None = None
    edits: dict[str, Any] = field(default_factory=dict)


def evidence_hash(seen: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the canonical JSON of everything the decider will see."""
    text = json.dumps(seen, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def completed(question: Question, answer: Answer) -> Answer:
    """`answer` as it counts: without an approval it carries nothing but its comment; a form takes its defaults."""
    answer = replace(answer, comment=answer.comment.strip())
    if answer.verdict != APPROVED:
        return replace(answer, selected_option=None, payload=None, edits={})
    if question.decision_type == "provide_input":
        return replace(answer, payload=schema.with_defaults(question.form or {}, answer.payload or {}))
    return replace(answer, payload=answer.payload or None)


def automatic(question: Question, verdict: str) -> Answer:
    """The answer of the system itself: the first option, the form's defaults."""
    first = question.options[0] if question.options and question.decision_type == "select_option" else None
    return completed(question, Answer(verdict, AUTOMATIC.get(verdict, ""), selected_option=first))


def faults(question: Question, answer: Answer) -> list[Place]:
    """Everything that is wrong with a completed `answer`; nothing when it can be taken."""
    if answer.verdict not in (APPROVED, REJECTED):
        return [Place("Say approve or reject.", code="unknown_decision", field="decision")]
    found = _comment_faults(question, answer)
    if answer.verdict == REJECTED:
        return found
    return found + _option_faults(question, answer) + _payload_faults(question, answer) + _edit_faults(question, answer)


def _comment_faults(question: Question, answer: Answer) -> list[Place]:
    needed = question.comment_required == "always" or (
        question.comment_required == "on_reject" and answer.verdict == REJECTED
    )
    if needed and not answer.comment:
        sentence = "Say why you reject this." if answer.verdict == REJECTED else "Say why you decide so."
        return [Place(sentence, code="comment_required", field="comment")]
    if len(answer.comment) > COMMENT_MAX:
        return [Place(f"A comment may have at most {COMMENT_MAX:,} characters.", code="too_long", field="comment")]
    return []


def _option_faults(question: Question, answer: Answer) -> list[Place]:
    if question.decision_type != "select_option":
        if answer.selected_option is None:
            return []
        return [Place("There is nothing to choose here.", code="unexpected", field="selected_option")]
    if answer.selected_option in question.options:
        return []
    sentence = "Choose one." if answer.selected_option is None else "This is not one of the choices."
    hint = f"The choices are {', '.join(question.options)}."
    return [Place(sentence, code="option", field="selected_option", hint=hint)]


def _payload_faults(question: Question, answer: Answer) -> list[Place]:
    if question.decision_type == "provide_input":
        return schema.faults(question.form or {}, answer.payload, "/payload")
    if answer.payload is None:
        return []
    return [Place("No input is asked for here.", code="unexpected", field="payload")]


def _edit_faults(question: Question, answer: Answer) -> list[Place]:
    found: list[Place] = []
    for name, value in answer.edits.items():
        if name not in question.editable:
            found.append(Place(f"{name} cannot be changed here.", code="not_editable", field=name, pointer="/edits"))
            continue
        if value == REDACTED:
            sentence = "This is a mask, not a value; leave it out to keep what is there."
            found.append(Place(sentence, code="masked", field=name, pointer=f"/edits/{name}"))
            continue
        for place in schema.faults(question.editable[name], value, f"/edits/{name}"):
            found.append(replace(place, field=name))
    return found
