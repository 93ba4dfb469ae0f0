"""Transformations of lists and values (CKP 2.7)."""

import re
from collections.abc import Callable
from typing import Any, Final

from procedures.ckp.expressions.blocks import compile_text
from procedures.ckp.expressions.compiled import compile_condition, compile_expression
from procedures.ckp.expressions.errors import ExpressionProblem
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.mappings import compile_mapping
from procedures.ckp.operations.rows import column_names, each, key_of, names_of, order_of, reader
from procedures.ckp.operations.work import MAX_ROWS, Work, as_list, as_text, refused
from procedures.ckp.values import Json

_KEYS: Final = re.compile(r"\s*(.+?)\s*==\s*(.+?)\s*")


def filter_rows(work: Work, source: Json) -> Json:
    """The elements for which the condition is true."""
    rows = as_list(source)
    condition = compile_condition(work.need("expression"))
    kept = each(work, "expression", rows, condition.test)
    return [row for row, keep in zip(rows, kept, strict=True) if keep]


def map_rows(work: Work, source: Json) -> Json:
    """The value of the expression per element, or new objects."""
    rows = as_list(source)
    if "fields" not in work.fields:
        return list(each(work, "expression", rows, compile_expression(work.need("expression")).evaluate))
    expressions = {name: compile_expression(text) for name, text in work.need("fields").items()}
    return list(
        each(
            work,
            "fields",
            rows,
            lambda scope: {name: expression.evaluate(scope) for name, expression in expressions.items()},
        )
    )


def reduce_rows(work: Work, source: Json) -> Json:
    """The last `acc`."""
    rows = as_list(source)
    expression = compile_expression(work.need("expression"))
    acc = work.value("initial") if "initial" in work.fields else None

    def step(scope: Any) -> Json:
        scope.columns["acc"] = acc
        return expression.evaluate(scope)

    for result in each(work, "expression", rows, step):
        acc = result
    return acc


def join_rows(work: Work, source: Json) -> Json:
    """One merged object per pair with equal keys."""
    left, right = _objects(as_list(source)), _objects(as_list(work.given("with")))
    how = work.literal("how", "inner")
    if how not in ("inner", "left", "full"):
        raise invalid(f"There is no join “{how}”; it is inner, left or full.")
    read_left, read_right = _keys(as_text(work.need("expression")))
    by_key: dict[Any, list[int]] = {}
    for position, row in enumerate(work.paced(right)):
        if (value := read_right(row)) is not None:
            by_key.setdefault(key_of(value), []).append(position)
    rename = _renaming(left, right, str(work.literal("prefix", "right_")))
    joined: list[Json] = []
    used: set[int] = set()
    for row in work.paced(left):
        value = read_left(row)
        matches = by_key.get(key_of(value), []) if value is not None else []
        used.update(matches)
        joined += [{**row, **rename(right[position])} for position in matches]
        if not matches and how != "inner":
            joined.append(row)
        _refuse_many(joined)
    if how == "full":
        joined += [rename(row) for position, row in enumerate(right) if position not in used]
    return joined


def _objects(rows: list[Any]) -> list[dict[str, Json]]:
    if not all(isinstance(row, dict) for row in rows):
        raise invalid("A join takes lists of objects.")
    return rows


def _keys(text: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    found = _KEYS.fullmatch(text)
    return (reader(found[1]), reader(found[2])) if found else (reader(text.strip()), reader(text.strip()))


def _renaming(
    left: list[dict[str, Json]], right: list[dict[str, Json]], prefix: str
) -> Callable[[dict[str, Json]], dict[str, Json]]:
    taken = set(column_names(left))
    names = {name: prefix + name if name in taken else name for name in column_names(right)}
    return lambda row: {names[key]: value for key, value in row.items()}


def _refuse_many(rows: list[Json]) -> None:
    if len(rows) > MAX_ROWS:
        raise OperationError("result_too_large", f"The join gives more than {MAX_ROWS} objects.")


def sort_rows(work: Work, source: Json) -> Json:
    """The elements in stable order; null last either way."""
    rows = list(as_list(source))
    for column, descending in reversed(_orders(work)):
        read = reader(column) if column else _itself
        present = [(read(row), row) for row in rows]
        keyed = [(order_of(value), row) for value, row in work.paced(present) if value is not None]
        keyed.sort(key=lambda pair: pair[0], reverse=descending)
        rows = [row for _, row in keyed] + [row for value, row in present if value is None]
    return rows


def _orders(work: Work) -> list[tuple[str, bool]]:
    if "expression" in work.fields:
        names = names_of(work.need("expression"))
        return [(name.removeprefix("-").strip(), name.startswith("-")) for name in names]
    return [(str(work.literal("key", "") or ""), bool(work.literal("descending", False)))]


def _itself(row: Any) -> Any:
    return row


def unique_rows(work: Work, source: Json) -> Json:
    """The first of each group of equal elements."""
    readers = [reader(name) for name in names_of(work.literal("expression"))] or [_itself]
    kept: dict[Any, Json] = {}
    for row in work.paced(as_list(source)):
        kept.setdefault(tuple(key_of(read(row)) for read in readers), row)
    return list(kept.values())


def evaluate(work: Work, source: Json) -> Json:
    """The value of an expression over `value`."""
    scope = work.at("expression")
    scope.columns = {"value": source}
    return compile_expression(work.need("expression")).evaluate(scope)


def render(work: Work, source: Json) -> Json:
    """Text of a template with blocks over `value`."""
    scope = work.at("expression")
    scope.columns = {"value": source}
    return compile_text(as_text(work.need("expression"))).render(scope)


def json_path(work: Work, source: Json) -> Json:
    """The part of a value at a JSON path."""
    path = as_text(work.need("expression"))
    try:
        return compile_mapping(path).take(source, work.at("expression"))
    except ExpressionProblem as problem:
        raise refused(problem) from None
