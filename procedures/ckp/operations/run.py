"""Running operations and transformations: fields in, changed variables out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from procedures.ckp.expressions.compiled import compile_expression
from procedures.ckp.expressions.errors import ExpressionProblem
from procedures.ckp.expressions.evaluation import Scope
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.operations import aggregates, cryptography, reading, spreadsheets, transforms, variables
from procedures.ckp.operations.work import Tools, Work, as_text, refused
from procedures.ckp.values import Json, ValueProblem

Changes = dict[str, Json]
FromSource = Callable[[Work, Json], Json]

_READERS: Final[dict[str, FromSource]] = {
    "parse_json": reading.parse_json,
    "parse_csv": reading.parse_csv,
    "parse_xml": reading.parse_xml_text,
    "parse_excel_data": spreadsheets.parse_excel_data,
    "extract_regex": reading.extract_regex,
    "convert_type": reading.convert_type,
}
"""Operations whose `on_error: null` gives null."""

TRANSFORMATIONS: Final[dict[str, FromSource]] = {
    "filter": transforms.filter_rows,
    "map": transforms.map_rows,
    "reduce": transforms.reduce_rows,
    "join": transforms.join_rows,
    "aggregate": aggregates.aggregate,
    "pivot": aggregates.pivot,
    "sort": transforms.sort_rows,
    "unique": transforms.unique_rows,
    "expression": transforms.evaluate,
    "template": transforms.render,
    "json_path": transforms.json_path,
}

_FROM_SOURCE: Final[dict[str, FromSource]] = {
    **_READERS,
    "validate_schema": reading.validate_schema,
    "hash": cryptography.digest,
    "encrypt": cryptography.encrypt,
    "decrypt": cryptography.decrypt,
    **TRANSFORMATIONS,
}
_MAKING: Final[dict[str, Callable[[Work], Json]]] = {
    "calculate": variables.calculate,
    "format_string": variables.format_string,
    "generate_id": variables.generate_id,
    "get_timestamp": variables.get_timestamp,
    "log": variables.log,
}
_CHANGING: Final[dict[str, Callable[[Work], tuple[Changes, Json]]]] = {
    "set_variable": variables.set_variable,
    "append_to_array": variables.append_to_array,
}
OPERATIONS: Final = frozenset({*_FROM_SOURCE, *_MAKING, *_CHANGING})
"""Names of the operations that run here; the others are the runtime's."""


def run_operation(operation: Mapping[str, Any], scope: Scope, tools: Tools | None = None) -> Changes:
    """The variables that one operation sets, by name.

    Raises OperationError or EvaluationError; both have `error_class` and `message`.
    """
    work = Work(merged(operation), scope, tools or Tools())
    action = work.literal("action")
    try:
        changes, result = _run(str(action), work)
    except ExpressionProblem as problem:
        raise refused(problem) from None
    except ValueProblem as problem:
        raise invalid(str(problem)) from None
    output = work.literal("output_variable")
    return {**changes, as_text(output): result} if output is not None else changes


def merged(operation: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an operation with its `params` among them; a flat field wins."""
    return {**(operation.get("params") or {}), **operation}


def _run(action: str, work: Work) -> tuple[Changes, Json]:
    if action in _CHANGING:
        return _CHANGING[action](work)
    if action in _MAKING:
        return {}, _MAKING[action](work)
    if action not in _FROM_SOURCE:
        raise invalid(f"There is no operation “{action}”.")
    source = work.given("source")
    try:
        return {}, _FROM_SOURCE[action](work, source)
    except OperationError:
        if action in _READERS and work.literal("on_error") == "null":
            return {}, None
        raise


def run_transformations(
    transformations: Sequence[Mapping[str, Any]], scope: Scope, tools: Tools | None = None
) -> Changes:
    """The variables that transformations set, in order, each seeing what those before it made.

    If one fails nothing is kept. Raises OperationError or EvaluationError.
    """
    changes: Changes = {}
    for index, transformation in enumerate(transformations):
        if scope.look is not None:
            scope.look()
        inner = replace(
            scope,
            variables={**scope.variables, **changes},
            pointer=f"{scope.pointer}/{index}",
        )
        name, result = _transformed(Work(merged(transformation), inner, tools or Tools()))
        changes[name] = result
    return changes


def _transformed(work: Work) -> tuple[str, Json]:
    transform = TRANSFORMATIONS.get(str(work.literal("type")))
    if transform is None:
        raise invalid(f"There is no transformation “{work.literal('type')}”.")
    try:
        source = compile_expression(work.literal("source_variable")).evaluate(work.at("source_variable"))
        return as_text(work.need("output_variable")), transform(work, source)
    except ExpressionProblem as problem:
        raise refused(problem) from None
    except ValueProblem as problem:
        raise invalid(str(problem)) from None
