"""Declared variables and outputs (CKP122, CKP124 to CKP128)."""

from collections.abc import Iterator
from typing import Any, Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import SubflowNode
from procedures.ckp.document.variables import VariableMeta
from procedures.ckp.inputs import as_time, check_value
from procedures.ckp.names import BUILT_INS
from procedures.ckp.records import MOST_VARIABLES
from procedures.ckp.report import Path
from procedures.ckp.values import kind_of

_LENGTHS: Final = frozenset({"string", "password", "array"})
_TIMES: Final = frozenset({"date", "datetime"})
_HELD_AGAINST: Final = {
    "regex": frozenset({"string", "password"}) | _TIMES,
    "min": frozenset({"number", "integer"}) | _LENGTHS | _TIMES,
    "max": frozenset({"number", "integer"}) | _LENGTHS | _TIMES,
    "min_length": _LENGTHS,
    "max_length": _LENGTHS,
}
"""The types whose values a constraint is compared with."""


def declared(subject: Subject) -> Iterator[tuple[str, VariableMeta, Path]]:
    """Declared inputs, then outputs, with their places."""
    for name, meta in subject.document.variables_schema.items():
        yield name, meta, ("variables_schema", name)
    for name, meta in (subject.document.outputs_schema or {}).items():
        yield name, meta, ("outputs_schema", name)


def not_too_many(subject: Subject) -> None:
    """CKP007."""
    count = len(subject.document.variables_schema)
    if count > MOST_VARIABLES:
        message = f"The document declares {count} variables; at most {MOST_VARIABLES} are allowed."
        subject.report("CKP007", ("variables_schema",), message)


def defaults_fit(subject: Subject) -> None:
    """CKP122, for defaults without template."""
    for name, meta, place in declared(subject):
        if not meta.has_default or holds_template(meta.default):
            continue
        _, fault = check_value(meta, meta.default)
        if fault:
            subject.report("CKP122", (*place, "default"), f"The default of '{name}' {fault}.")


def holds_template(value: Any) -> bool:
    """Whether a placeholder stands anywhere in a value."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and "{{" in part:
            return True
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def constraints_can_be_met(subject: Subject) -> None:
    """CKP124."""
    for name, meta, place in declared(subject):
        rules = meta.validation
        where = (*place, "validation")
        for low, high in (("min", "max"), ("min_length", "max_length")):
            if _exceeds(getattr(rules, low), getattr(rules, high)):
                message = f"'{low}' of '{name}' lies above '{high}': no value can meet both."
                subject.report("CKP124", (*where, low), message)
        if rules.allowed_values is not None and not _some_allowed(meta):
            message = f"None of the allowed values of '{name}' meets its type and constraints."
            subject.report("CKP124", (*where, "allowed_values"), message)
        if meta.origin == "system_captured" and meta.required and not meta.has_default:
            message = f"'{name}' is required, and nobody is asked for it: its origin is system_captured."
            subject.report("CKP124", place, message)


def _exceeds(low: Any, high: Any) -> bool:
    if low is None or high is None or kind_of(low) != kind_of(high):
        return False
    return bool(low > high)


def _some_allowed(meta: VariableMeta) -> bool:
    allowed = meta.validation.allowed_values or []
    return any(check_value(meta, value)[1] is None for value in allowed)


def constraints_have_effect(subject: Subject) -> None:
    """CKP015 for constraints that values of the type are never held against; CKP012 and CKP013 for unlike bounds."""
    for name, meta, place in declared(subject):
        for constraint, types in _HELD_AGAINST.items():
            limit = getattr(meta.validation, constraint)
            where = (*place, "validation", constraint)
            if limit is None or meta.type is None:
                continue
            if meta.type not in types:
                message = f"'{constraint}' has no effect on '{name}', a variable of type {meta.type}."
                subject.report("CKP015", where, message)
            elif constraint in ("min", "max") and not holds_template(limit):
                _bound_fits(subject, meta.type, limit, where)


def _bound_fits(subject: Subject, type_name: str, limit: Any, where: Path) -> None:
    wanted = "text" if type_name in _TIMES else "number"
    if kind_of(limit) != wanted:
        shown = "a day or time" if wanted == "text" else "a number"
        subject.report("CKP012", where, f"'{where[-1]}' of a variable of type {type_name} must be {shown}.")
    elif wanted == "text" and as_time(limit) is None:
        subject.report("CKP013", where, f"'{limit[:80]}' is not a day or time.", hint="Write it as 2026-02-09.")


def defaults_suffice(subject: Subject) -> None:
    """CKP125."""
    for name, meta in subject.document.variables_schema.items():
        if meta.required and meta.has_default:
            message = f"'{name}' is required and has a default; the default suffices."
            subject.report("CKP125", ("variables_schema", name), message)


def declared_is_used(subject: Subject) -> None:
    """CKP126, for documents that could be read as a whole; not for a name that is misspelt where it is read."""
    document = subject.document
    if subject.report.refused or any(node.inherit_context for _, node, _ in subject.nodes_of(SubflowNode)):
        return
    used = {read.path[0] for use in subject.uses.all() for read in use.reads}
    for program in subject.programs.values():
        used.update(write.name for write in program.writes())
    used.update(document.outputs_schema or {})
    used.update(name for node in document.nodes.values() for name in _bound(node))
    strange = _strange_names(subject)
    for name in document.variables_schema:
        if name not in used and not subject.report.nearest(name, strange):
            message = f"'{name}' is declared and never used or written."
            subject.report("CKP126", ("variables_schema", name), message)


def _strange_names(subject: Subject) -> list[str]:
    """The names that are read as variables and that nothing declares or sets."""
    written = {write.name for program in subject.programs.values() for write in program.writes()}
    bound = {name for node in subject.document.nodes.values() for name in (*_bound(node), *node.inputs)}
    usual = written | bound | BUILT_INS | subject.document.variables_schema.keys()
    texts = [use for use in subject.uses.all() if use.place.scope in ("node", "call", "key", "iteration", "inputs")]
    return sorted({str(read.path[0]) for use in texts for read in use.reads} - usual)


def _bound(node: Any) -> list[str]:
    return [name for field in ("iterator_variable", "index_variable") if (name := getattr(node, field, None))]


def secrets_have_no_default(subject: Subject) -> None:
    """CKP127."""
    for name, meta in subject.document.variables_schema.items():
        if meta.is_sensitive and meta.default not in (None, "") and not holds_template(meta.default):
            message = f"'{name}' is sensitive, and its default stands in clear in the document."
            subject.report("CKP127", ("variables_schema", name, "default"), message)


def names_are_plain(subject: Subject) -> None:
    """CKP128."""
    for name in ("required", "optional"):
        if name in subject.document.variables_schema:
            message = f"'{name}' was read as the name of a variable, not as a section."
            hint = "A section holds objects, and only 'required' and 'optional' stand beside each other."
            subject.report("CKP128", ("variables_schema", name), message, hint=hint)
