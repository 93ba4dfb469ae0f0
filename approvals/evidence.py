"""The context of a question as people read it: facts, tables, and what is neither. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PARTED = frozenset("amount total sum price cost costs fee value balance limit budget".split())
FILES = frozenset({"artifact", "artifacts", "screenshot"})
MOST_ROWS = 50
MOST_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: a label and its value as text."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A head or a value of a table; numbers stand at the right. `label` repeats the head for narrow screens."""

    text: str
    numeric: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A list of like objects; `more` counts the rows left out."""

    label: str
    columns: list[Cell]
    rows: list[list[Cell]]
    more: int


@dataclass(frozen=True, slots=True)
class Nested:
    """A value that is neither a fact nor a table."""

    label: str
    value: Any


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decider is shown; `files` are ids of artifacts of the run."""

    facts: list[Fact] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    nested: list[Nested] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.facts or self.files or self.tables or self.nested)


def read(context: Mapping[str, Any]) -> Evidence:
    """Sort `context_data` by how it is best shown, in its own order."""
    found = Evidence()
    for name, value in context.items():
        if named := _files(value):
            found.files.extend(named)
        elif _is_plain(value):
            found.facts.append(Fact(words(name), text(name, value)))
        elif _is_list_of_plain(value):
            found.facts.append(Fact(words(name), ", ".join(text(name, item) for item in value)))
        elif table := _table(name, value):
            found.tables.append(table)
        elif _is_flat(value):
            found.facts.extend(Fact(f"{words(name)}, {words(key, False)}", text(key, value[key])) for key in value)
        else:
            found.nested.append(Nested(words(name), value))
    return found


def artifacts_in(context: Mapping[str, Any]) -> frozenset[str]:
    """The ids of the artifacts that a decider is shown."""
    return frozenset(read(context).files)


def words(name: str, capital: bool = True) -> str:
    """ "invoice_count" as "Invoice count"."""
    spaced = " ".join(name.replace("_", " ").replace("-", " ").split()) or name
    return spaced[:1].upper() + spaced[1:] if capital else spaced


def text(name: str, value: Any) -> str:
    """A value in words, lists and objects as JSON; amounts with their thousands parted and two places."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)) and PARTED & set(words(name).lower().split()):
        return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _files(value: Any) -> list[str]:
    """The ids of the artifacts that a value is: one, a list of them, or the result that holds nothing else."""
    if isinstance(value, list):
        found = [_files(item) for item in value]
        return [name for names in found for name in names] if all(found) else []
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("artifact_id"), str):
        return [value["artifact_id"]]
    return _files(next(iter(value.values()))) if len(value) == 1 and FILES.intersection(value) else []


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _is_list_of_plain(value: Any) -> bool:
    return isinstance(value, list) and all(_is_plain(item) for item in value)


def _is_flat(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(_is_plain(item) for item in value.values())


def _table(name: str, value: Any) -> Table | None:
    if not isinstance(value, list) or not value or not all(_is_flat(row) for row in value):
        return None
    columns = list(dict.fromkeys(key for row in value for key in row))
    if len(columns) > MOST_COLUMNS:
        return None
    numeric = {column: all(_is_number(row.get(column)) for row in value) for column in columns}
    shown = value[:MOST_ROWS]
    return Table(
        label=words(name),
        columns=[Cell(words(column), numeric[column]) for column in columns],
        rows=[
            [Cell(text(column, row.get(column)), numeric[column], words(column)) for column in columns] for row in shown
        ],
        more=len(value) - len(shown),
    )


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
