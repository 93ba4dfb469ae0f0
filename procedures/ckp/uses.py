"""Compiled texts of a document: what each one reads, and the problems of those that do not compile."""

from dataclasses import dataclass, field
from typing import Any

from procedures.ckp.expressions import (
    Compiled,
    ExpressionProblem,
    Read,
    compile_condition,
    compile_expression,
    compile_text,
    compile_value,
)
from procedures.ckp.kinds import Condition, Expression, Given, JsonPath, Mapping
from procedures.ckp.mappings import compile_mapping, read_json_path
from procedures.ckp.names import VARIABLE_NAME
from procedures.ckp.report import Path, Report
from procedures.ckp.texts import Place, is_prompt, node_texts, root_texts


@dataclass(frozen=True, slots=True)
class Use:
    """A compiled text. `names_variable` is the name that a plain text means, if that may be defined there."""

    place: Place
    compiled: Compiled
    names_variable: str | None = None

    @property
    def path(self) -> Path:
        """Where the text stands in the canonical document."""
        return self.place.path

    @property
    def reads(self) -> tuple[Read, ...]:
        """What is read, a variable named by plain text included."""
        if self.names_variable is None:
            return self.compiled.reads
        return (Read((self.names_variable,), 0),)


@dataclass(slots=True)
class Uses:
    """All compiled texts: those outside of the graph, and by node in document order."""

    root: list[Use] = field(default_factory=list)
    nodes: dict[str, list[Use]] = field(default_factory=dict)

    def all(self) -> list[Use]:
        """Every use of the document."""
        return self.root + [use for uses in self.nodes.values() for use in uses]


def find_uses(canonical: dict[str, Any], node_ids: list[str], report: Report) -> Uses:
    """Compiles every text of a canonical document; what does not compile is reported and left out."""
    found = Uses()
    found.root = [use for place in root_texts(canonical) if (use := compile_place(place, report))]
    nodes = canonical.get("workflow_graph", {}).get("nodes", {})
    for node_id in node_ids:
        places = node_texts(node_id, nodes[node_id])
        found.nodes[node_id] = [use for place in places if (use := compile_place(place, report))]
    return found


def compile_place(place: Place, report: Report) -> Use | None:
    """Compiles one text; None after a report, or where there is nothing to evaluate."""
    if place.as_key:
        offset = place.text.index("{{")
        report("CKP413", place.path, "Placeholders in keys are not rendered.", offset=offset)
        return None
    if is_plain(place):
        return None
    try:
        compiled = _compile(place)
    except ExpressionProblem as problem:
        report(problem.code, place.path, problem.message, hint=problem.hint, offset=problem.offset)
        return None
    if compiled is None:
        return None
    for note in compiled.notes:
        report(note.code, place.path, note.message, hint=note.hint, offset=note.offset)
    return Use(place, compiled, _named(place))


def is_plain(place: Place) -> bool:
    """Whether a text holds nothing to evaluate and names no variable."""
    if isinstance(place.kind, Expression | Condition | Mapping | JsonPath) or _named(place):
        return False
    return not any(mark in place.text for mark in ("{{", "{%", "{#"))


def _compile(place: Place) -> Compiled | None:
    if isinstance(place.kind, Mapping | JsonPath):
        compile_mapping(place.text) if isinstance(place.kind, Mapping) else read_json_path(place.text)
        return None
    if isinstance(place.kind, Expression):
        return compile_expression(place.text)
    if isinstance(place.kind, Condition):
        return compile_condition(place.text)
    return compile_text(place.text) if is_prompt(place.kind) else compile_value(place.text)


def _named(place: Place) -> str | None:
    """The name that a text stands for where a defined name means the variable."""
    if isinstance(place.kind, Given) and VARIABLE_NAME.fullmatch(place.text):
        return place.text
    return None
