"""Comparisons of values whose declared types never fit each other (CKP305)."""

from collections.abc import Iterator
from typing import Any, Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.expressions.nodes import Compare, Constant, Node, Path
from procedures.ckp.expressions.operators import COMPARISONS
from procedures.ckp.uses import Use
from procedures.ckp.values import kind_of

_KINDS: Final = {
    "string": "text",
    "password": "text",
    "date": "text",
    "datetime": "text",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}
_EQUAL: Final = frozenset(COMPARISONS[name] for name in ("eq", "ne"))
_ORDER: Final = frozenset(COMPARISONS[name] for name in ("lt", "lteq", "gt", "gteq"))
_ORDERED: Final = frozenset({"number", "text"})


def types_can_be_compared(subject: Subject) -> None:
    """CKP305."""
    written = {write.name for program in subject.programs.values() for write in program.writes()}
    schema = subject.document.variables_schema
    kinds = {name: _KINDS[meta.type] for name, meta in schema.items() if name not in written and meta.type in _KINDS}
    for use in subject.uses.all():
        if use.place.scope == "node" and any(read.path[0] in kinds for read in use.reads):
            _check(subject, use, kinds)


def _check(subject: Subject, use: Use, kinds: dict[str, str]) -> None:
    for compare in comparisons(use.compiled.tree):
        left = compare.first
        for operator, right, place in compare.rest:
            first, second = _kind(left, kinds), _kind(right, kinds)
            if first and second and not _fits(operator, first, second):
                verb = "equal to" if operator in _EQUAL else "ordered with"
                message = f"A {first} can never be {verb} a {second}."
                subject.report("CKP305", use.path, message, offset=place)
            left = right


def _fits(operator: Any, first: str, second: str) -> bool:
    if operator in _EQUAL:
        return first == second
    return operator not in _ORDER or (first == second and first in _ORDERED)


def _kind(node: Node, kinds: dict[str, str]) -> str | None:
    if isinstance(node, Path):
        return kinds.get(node.root) if not node.parts else None
    if isinstance(node, Constant) and node.value is not None:
        return kind_of(node.value)
    return None


def comparisons(tree: Any) -> Iterator[Compare]:
    """Every comparison in a checked tree."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Compare):
            yield part
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, Node):
            waiting.extend(getattr(part, slot) for cls in type(part).__mro__ for slot in getattr(cls, "__slots__", ()))
