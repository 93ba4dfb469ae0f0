"""Aggregates over lists, whole or by group, and pivots (CKP 2.7)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import Evaluation, plain
from procedures.ckp.expressions.functions.numbers import average, largest, smallest, total
from procedures.ckp.expressions.operators import add, divide, number_of
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.operations.rows import EMPTY, key_of, named, names_of, reader
from procedures.ckp.operations.work import Work, as_list, as_text
from procedures.ckp.values import Json, ValueProblem, canonical_json

MAX_CELLS: Final = 1_000_000
_ITEM: Final = re.compile(r"\s*([A-Za-z_]+)\s*(?:\(\s*([^()]*?)\s*\))?(?:\s+as\s+([A-Za-z_][A-Za-z0-9_]*))?\s*")


@dataclass(frozen=True, slots=True)
class Item:
    """One `fn(column) as name`."""

    function: str
    column: str | None
    name: str


def read_items(text: Any) -> list[Item]:
    """The items of `count, sum(amount) as total`, or of a list of such texts.

    Raises OperationError (invalid_value).
    """
    texts = re.split(r",(?![^()]*\))", text) if isinstance(text, str) else text
    items = [_item(as_text(one)) for one in texts or []]
    if not items:
        raise invalid("An aggregate needs at least one function.")
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        raise invalid("Two aggregates have the same name; give one with `as`.")
    return items


def _item(text: str) -> Item:
    found = _ITEM.fullmatch(text)
    if found is None or found[1] not in FUNCTIONS:
        raise invalid(f"“{text.strip()[:80]}” is no aggregate; functions are {', '.join(FUNCTIONS)}.")
    column = found[2] or None
    default = found[1] if column is None else f"{found[1]}_{named(column)}"
    return Item(found[1], column, found[3] or default)


def aggregate(work: Work, source: Json) -> Json:
    """One value, an object, or with group_by a list of objects."""
    rows = as_list(source)
    items = _items(work)
    groups = names_of(work.literal("group_by"))
    if groups:
        return [_group(rows_of_group, items, groups) for rows_of_group in work.paced(_grouped(work, rows, groups))]
    if len(items) == 1:
        return _compute(items[0], rows)
    return {item.name: _compute(item, rows) for item in items}


def _items(work: Work) -> list[Item]:
    if "op" in work.fields:
        column = work.literal("field")
        return [_item(f"{work.need('op')}({column})" if column else str(work.need("op")))]
    return read_items(work.need("expression"))


def _grouped(work: Work, rows: list[Any], columns: list[str]) -> list[list[Any]]:
    readers = [reader(column) for column in columns]
    groups: dict[Any, list[Any]] = {}
    for row in work.paced(rows):
        groups.setdefault(tuple(key_of(read(row)) for read in readers), []).append(row)
    return list(groups.values())


def _group(rows: list[Any], items: list[Item], columns: list[str]) -> Json:
    heads = {named(column): reader(column)(rows[0]) for column in columns}
    return {**heads, **{item.name: _compute(item, rows) for item in items}}


def _compute(item: Item, rows: list[Any]) -> Json:
    if item.function == "count" and item.column is None:
        return len(rows)
    read = reader(item.column) if item.column is not None else _itself
    values = [value for value in map(read, rows) if value is not None]
    try:
        return plain(FUNCTIONS[item.function](values))
    except (EvaluationError, ValueProblem) as error:
        raise invalid(f"{item.name}: {error}") from None


def _itself(row: Any) -> Any:
    return row


def _median(values: list[Any]) -> Any:
    numbers = sorted(number_of(value) for value in values)
    if not numbers:
        return None
    middle = len(numbers) // 2
    if len(numbers) % 2:
        return numbers[middle]
    ev = Evaluation(EMPTY)
    return divide(ev, add(ev, numbers[middle - 1], numbers[middle]), 2)


def _over(function: Callable[..., Any]) -> Callable[[list[Any]], Any]:
    return lambda values: function(Evaluation(EMPTY), values)


FUNCTIONS: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "count": len,
    "sum": _over(total),
    "avg": _over(average),
    "min": _over(smallest),
    "max": _over(largest),
    "median": _median,
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "list": list,
    "distinct": lambda values: len({key_of(value) for value in values}),
}


def pivot(work: Work, source: Json) -> Json:
    """One object per index value, one key per column value."""
    rows = as_list(source)
    index, columns, values = (as_text(work.need(name)) for name in ("index", "columns", "values"))
    item = Item(str(work.literal("agg", "sum")), values, values)
    if item.function not in FUNCTIONS:
        raise invalid(f"There is no aggregate “{item.function}”.")
    read_column = reader(columns)
    heads = list(dict.fromkeys(_column_text(read_column(row)) for row in work.paced(rows)))
    if named(index) in heads:
        raise invalid(f"A column would be called “{named(index)}” like the index.")
    groups = _grouped(work, rows, [index])
    if len(groups) * len(heads) > MAX_CELLS:
        raise OperationError("result_too_large", f"The pivot gives more than {MAX_CELLS} cells.")
    found: list[Json] = []
    for group in work.paced(groups):
        cells: dict[str, list[Any]] = {}
        for row in group:
            cells.setdefault(_column_text(read_column(row)), []).append(row)
        computed = {head: _compute(item, cells[head]) if head in cells else None for head in heads}
        found.append({named(index): reader(index)(group[0]), **computed})
    return found


def _column_text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)
