"""The reference page of the language, written from the tables: fields, nodes, actions, functions, problems (CKP 7)."""

from collections.abc import Iterable, Iterator
from typing import Final

from procedures.ckp.actions import ACTIONS, TRANSFORMS
from procedures.ckp.document.nodes import NODE_MODELS, NodeBase
from procedures.ckp.expressions import FUNCTIONS, TESTS
from procedures.ckp.fields import MODELS, Table, table_of
from procedures.ckp.kinds import (
    Anything,
    Choice,
    Condition,
    Day,
    Decimal,
    Duration,
    Either,
    Entries,
    Expression,
    Flag,
    Form,
    Given,
    Identifier,
    Items,
    JsonPath,
    JsonSchema,
    Kind,
    Mapping,
    Name,
    Pattern,
    Record,
    Target,
    Text,
    Whole,
    Zone,
)
from procedures.ckp.problems import CATALOGUE, Entry

_ROOTS: Final = ("Document", "GlobalConfig", "VariableMeta", "Trigger")
_WORDS: Final[dict[type[Kind], str]] = {
    Anything: "any value",
    Given: "any value, or the name of a variable",
    Text: "text",
    Flag: "true or false",
    Identifier: "id",
    Name: "variable name",
    Target: "node id",
    Expression: "expression",
    Condition: "condition",
    Mapping: "mapping",
    JsonPath: "JSON path",
    JsonSchema: "JSON Schema",
    Pattern: "RE2 pattern",
    Duration: "duration",
    Day: "day",
    Zone: "time zone",
    Whole: "whole number",
    Decimal: "number",
}


def page() -> str:
    """The page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# CKP reference"
    yield ""
    yield "Written from the tables in the code by `manage.py ckp_reference`; a test holds both equal."
    yield "Each node type has [a page of its own](ckp/README.md) with defaults and an example; so have functions."
    yield "A field marked * is required. **T** marks a field that may hold a template."
    for name in _ROOTS:
        yield from _section(_in_words(name), MODELS[name].__doc__, table_of(MODELS[name]))
    yield from _nodes()
    yield from _parts()
    yield from _actions()
    yield from _names("Functions and filters", FUNCTIONS)
    yield from _names("Tests", TESTS)
    yield from _problems()


def _section(title: str, summary: str | None, table: Table, level: int = 2) -> Iterator[str]:
    yield from ("", f"{'#' * level} {title}", "")
    if summary:
        yield from (summary.strip().partition("\n")[0], "")
    yield from ("| field | takes |", "|---|---|")
    for name, field in table.items():
        yield f"| `{name}`{'*' if field.required else ''} | {described(field.kind)} |"


def described(kind: Kind) -> str:
    """What a kind takes, in words."""
    mark = " **T**" if kind.form is not Form.PLAIN else ""
    if isinstance(kind, Choice):
        return ", ".join(kind.values)
    if isinstance(kind, Items):
        return f"list of: {described(kind.of)}"
    if isinstance(kind, Entries):
        return f"object, name → {described(kind.of)}"
    if isinstance(kind, Record):
        return f"object: {_in_words(kind.model).lower()}"
    if isinstance(kind, Either):
        return " or ".join(described(part) for part in kind.kinds)
    return _WORDS[type(kind)] + _range(kind) + mark


def _range(kind: Kind) -> str:
    if not isinstance(kind, Whole | Decimal):
        return ""
    if isinstance(kind, Decimal) and kind.above is not None:
        return f" above {kind.above}"
    if kind.high is not None:
        return f" {kind.low or 0} to {kind.high:,}"
    return f" from {kind.low}" if kind.low is not None else ""


def _in_words(name: str) -> str:
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in name).split()
    return " ".join(words).capitalize()


def _nodes() -> Iterator[str]:
    yield from _section("Nodes: common fields", NodeBase.__doc__, table_of(NodeBase))
    common = table_of(NodeBase)
    for type_name, model in NODE_MODELS.items():
        own = {name: field for name, field in table_of(model).items() if name not in common}
        yield from _section(f"Node: {type_name}", model.__doc__, own)
        idle = ", ".join(f"`{name}`" for name in sorted(model.WITHOUT_EFFECT))
        if idle:
            yield from ("", f"Without effect here: {idle}.")


def _parts() -> Iterator[str]:
    roots = {*_ROOTS, "Shape", "WithParameters", "NodeBase", *(model.__name__ for model in NODE_MODELS.values())}
    yield from ("", "## Parts")
    for name in sorted(set(MODELS) - roots):
        yield from _section(_in_words(name), MODELS[name].__doc__, table_of(MODELS[name]), level=3)


def _actions() -> Iterator[str]:
    yield from ("", "## Actions")
    for action in ACTIONS.values():
        yield from _section(action.name, action.summary, action.fields, level=3)
    yield from ("", "## Transformations")
    for name, fields in TRANSFORMS.items():
        yield from _section(f"Transformation: {name}", None, fields, level=3)


def _names(title: str, names: Iterable[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "", ", ".join(f"`{name}`" for name in sorted(names)) + ".")


def _problems() -> Iterator[str]:
    yield from ("", "## Problems", "", "Warnings marked *prod* are errors when a version goes to channel prod.")
    for code, entry in CATALOGUE.items():
        yield from ("", f"### {code}", "", f"{_mark(entry)}: {entry.summary}.")


def _mark(entry: Entry) -> str:
    return entry.severity.capitalize() + (" (*prod*)" if entry.prod else "")
