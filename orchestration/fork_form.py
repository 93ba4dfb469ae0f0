"""The form of a fork: the variables as they were before a visit, each as JSON, and which of them were changed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from langorch.lib.redaction import REDACTED, Redactor
from orchestration import forking, history
from orchestration.models import Run, Visit
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document, LoopNode
from procedures.graph import words

PREFIX: Final = "var."
MOST_EDITED: Final = 20_000
"""Characters of a value that is edited in a form."""
MOST_LINES: Final = 14


@dataclass(frozen=True, slots=True)
class Field:
    """One variable. `text` is what the form shows for it; an unchanged text changes nothing.

    `masked` ones show nothing and keep their value unless something is typed; `fixed` says why one cannot be changed.
    """

    name: str
    text: str
    masked: bool = False
    fixed: str = ""
    given: str = ""
    error: str = ""

    @property
    def lines(self) -> int:
        return min(self.given.count("\n") + 1, MOST_LINES)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a run can be forked: before a visit."""

    path: str
    place: str
    visit: Visit


class ForkPoints:
    """The visits of a run before which a fork may begin."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.document: Document = load_document(run.document.canonical)
        self._visits: Sequence[Visit] = list(Visit.objects.filter(run=run).order_by("id"))

    def name(self, node_id: str) -> str:
        """What people call a node."""
        node = self.document.nodes.get(node_id)
        return words.name(node_id, node.description if node else None)

    @property
    def visits(self) -> Sequence[Visit]:
        return self._visits

    def visit(self, path: str) -> Visit | None:
        """The visit at a path, or None."""
        return next((visit for visit in self._visits if visit.path == path), None)

    def fields(self, visit: Visit, redactor: Redactor) -> list[Field]:
        """The variables before a visit, then those that are declared and have no value there."""
        known = history.variables_before(self.document, self._run.input_vars, history.by_region_of(self._visits), visit)
        bound = self._bound(visit)
        fields = [_field(name, value, redactor, bound) for name, value in known.items()]
        missing = [name for name in self.document.variables_schema if name not in known]
        return fields + [Field(name, "", masked=redactor.hides(name, "")) for name in missing]

    def _bound(self, visit: Visit) -> set[str | None]:
        owners = forking.owners(self._visits, visit)
        loops = [node for owner in owners if isinstance(node := self.document.nodes.get(owner.node_id), LoopNode)]
        return {name for loop in loops for name in (loop.iterator_variable, loop.index_variable)}


def _field(name: str, value: Any, redactor: Redactor, bound: set[str | None]) -> Field:
    masked = REDACTED if value is not None and redactor.hides(name, value) else redactor.redact(value)
    if name in bound:
        return Field(name, "", fixed="belongs to the iteration and cannot be changed")
    if masked != value:
        return Field(name, "", masked=True)
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if len(text) > MOST_EDITED:
        return Field(name, "", fixed=f"too large to be edited here ({len(text):,} characters)")
    return Field(name, text, given=text)


def filled(fields: Iterable[Field], posted: Mapping[str, str], errors: Mapping[str, str]) -> list[Field]:
    """The fields with what was typed into them, and what is wrong with it."""
    return [
        Field(
            field.name,
            field.text,
            field.masked,
            field.fixed,
            posted.get(PREFIX + field.name, field.given),
            errors.get(field.name, ""),
        )
        for field in fields
    ]


def changed(fields: Iterable[Field], posted: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The variables whose text was changed, and one sentence for each text that is no value."""
    changes: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in fields:
        text = posted.get(PREFIX + field.name, field.text).replace("\r\n", "\n").strip()
        if field.fixed or text == field.text.strip() or not text:
            continue
        try:
            changes[field.name] = json.loads(text, parse_constant=_refuse)
        except ValueError as fault:
            errors[field.name] = f"This is not JSON: {fault}. Texts stand in quotes."
        if REDACTED in text:
            errors[field.name] = "This still holds a masked value; type it, or leave the field as it was."
    return changes, errors


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
