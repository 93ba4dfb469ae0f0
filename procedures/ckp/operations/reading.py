"""Operations that read texts: JSON, CSV, XML, patterns, types, schemas."""

import csv
import io
from collections import Counter
from typing import Any

from procedures.ckp.expressions.errors import EvaluationError, ExpressionProblem
from procedures.ckp.expressions.functions.choice import read_json
from procedures.ckp.expressions.patterns import OPERATION_WORK, Pattern, compile_pattern
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.operations.converting import convert
from procedures.ckp.operations.work import MAX_ROWS, Work, as_text, refused
from procedures.ckp.schemas import violations
from procedures.ckp.values import Json
from procedures.ckp.xmltree import Element, parse_xml


def parse_json(work: Work, source: Json) -> Json:
    """The value of a JSON text."""
    try:
        return read_json(as_text(source))
    except EvaluationError as error:
        raise invalid(error.message) from None


def parse_csv(work: Work, source: Json) -> Json:
    """Rows of a CSV text: objects, or lists without header."""
    delimiter = work.literal("delimiter", ",")
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        raise invalid("The delimiter is one character.")
    rows = _csv_rows(work, as_text(source).removeprefix("\ufeff"), delimiter)
    types: dict[str, str] = work.literal("types") or {}
    if not work.literal("header", True):
        return [[_cell(cell, types.get(str(index))) for index, cell in enumerate(row)] for row in work.paced(rows)]
    return _objects(work, rows, types)


def _csv_rows(work: Work, text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in work.paced(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)):
            if not row:
                continue
            if len(rows) > MAX_ROWS:
                raise invalid(f"The CSV has more than {MAX_ROWS} rows.")
            rows.append(row)
    except csv.Error as error:
        raise invalid(f"Row {len(rows) + 1} of the CSV cannot be read: {error}.") from None
    return rows


def _objects(work: Work, rows: list[list[str]], types: dict[str, str]) -> list[Json]:
    """Rows as objects, named by the first row. Raises OperationError for a row with too many cells."""
    if not rows:
        return []
    names = header_names(rows[0])
    found: list[Json] = []
    for number, row in enumerate(work.paced(rows[1:]), 2):
        if len(row) > len(names):
            raise invalid(f"Row {number} has {len(row)} cells, the header {len(names)}.")
        cells = [_cell(cell, types.get(name)) for name, cell in zip(names, row, strict=False)]
        found.append(dict(zip(names, cells + [None] * (len(names) - len(cells)), strict=True)))
    return found


def header_names(cells: list[Any]) -> list[str]:
    """Names of columns: trimmed, a blank one by its number. Raises OperationError for a name given twice."""
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    names = [text or f"column_{number}" for number, text in enumerate(texts, 1)]
    double = next((name for name, count in Counter(names).items() if count > 1), None)
    if double is not None:
        raise invalid(f"The column “{double}” is there twice.")
    return names


def _cell(cell: str, target: str | None) -> Json:
    if target is None or target == "string":
        return cell
    return convert(cell.strip(), target) if cell.strip() else None


def parse_xml_text(work: Work, source: Json) -> Json:
    """The root element as an object: attributes `@name`, text `#text`, repeated elements a list."""
    root = next(parse_xml(as_text(source), work.scope.look).children)
    return {root.name: _element(work, root)}


def _element(work: Work, element: Element) -> Json:
    found: dict[str, Json] = {f"@{name}": value for name, value in element.attributes.items()}
    by_name: dict[str, list[Json]] = {}
    for child in work.paced(element.children):
        by_name.setdefault(child.name, []).append(_element(work, child))
    found |= {name: values if len(values) > 1 else values[0] for name, values in by_name.items()}
    text = element.own_text().strip()
    if not found:
        return text or None
    return {**found, "#text": text} if text else found


def extract_regex(work: Work, source: Json) -> Json:
    """What a pattern finds: text or null, or with `all` a list."""
    try:
        pattern = compile_pattern(as_text(work.need("pattern")))
    except ExpressionProblem as problem:
        raise refused(problem) from None
    group, text = _group(pattern, work.literal("group")), as_text(source)
    try:
        pattern.check_work(text, OPERATION_WORK)
    except EvaluationError as error:
        raise invalid(error.message) from None
    if work.literal("all", False):
        return [hit[group] for hit in work.paced(pattern.find_each(text))]
    hit = pattern.search(text)
    return None if hit is None else hit[group]


def _group(pattern: Pattern, group: Any) -> int | str:
    if group is None:
        return 1 if pattern.groups else 0
    known = group in pattern.names if isinstance(group, str) else 0 <= group <= pattern.groups
    if not known:
        raise invalid(f"The pattern has no group {group}.")
    return group  # type: ignore[no-any-return]


def convert_type(work: Work, source: Json) -> Json:
    """The value as another type."""
    return convert(source, work.need("target_type"))


def validate_schema(work: Work, source: Json) -> Json:
    """Whether a value fits a schema, and what does not. Raises OperationError (validation_failed)."""
    faults = violations(work.need("schema"), source, work.scope.look)
    if faults and work.literal("on_invalid", "fail") != "continue":
        pointer, message = faults[0]
        raise OperationError("validation_failed", f"{pointer or 'The value'}: {message}")
    return {"valid": not faults, "errors": [{"pointer": pointer, "message": message} for pointer, message in faults]}
