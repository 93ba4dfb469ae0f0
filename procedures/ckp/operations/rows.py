"""Lists as tables: columns, and expressions over each element (CKP 2.7)."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import MISSING, Evaluation, Scope
from procedures.ckp.expressions.functions.lists import identity, sort_key
from procedures.ckp.expressions.paths import follow, read_path
from procedures.ckp.failures import invalid
from procedures.ckp.operations.work import Work, as_text
from procedures.ckp.values import Json, ValueProblem

_T = TypeVar("_T")
EMPTY: Final = Scope({})


def column_names(rows: list[Any]) -> list[str]:
    """Every key of the elements that are objects, in order of first appearance."""
    return list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))


def each(work: Work, field: str, rows: list[Any], evaluate: Callable[[Scope], _T]) -> Iterator[_T]:
    """Evaluate once per element: `item`, `index`, its columns, then variables.

    Raises OperationError that names the element.
    """
    scope = work.at(field)
    absent: dict[str, Json] = dict.fromkeys(column_names(rows))
    for index, row in enumerate(work.paced(rows)):
        columns = {**absent, **row} if isinstance(row, dict) else dict(absent)
        scope.columns = {**columns, "item": row, "index": index}
        try:
            yield evaluate(scope)
        except EvaluationError as error:
            message = f"Element {index}: {error.message}"
            raise EvaluationError(error.kind, message, offset=error.offset, name=error.name) from None


def reader(column: str) -> Callable[[Any], Any]:
    """A function that takes the value of a column, null where there is none. Raises OperationError for no path."""
    try:
        path = read_path(column)
    except EvaluationError as error:
        raise invalid(error.message) from None

    def read(row: Any) -> Any:
        found = follow(row, path)
        return None if found is MISSING else found

    return read


def names_of(value: Any) -> list[str]:
    """Column names of a text separated by commas, or of a list of texts."""
    if value is None:
        return []
    texts = as_text(value).split(",") if isinstance(value, str) else value
    names = [as_text(text).strip() for text in texts]
    if not all(names):
        raise invalid("A column has no name.")
    return names


def key_of(value: Any) -> Any:
    """Something hashable that is equal for equal values. Raises OperationError."""
    return _measured(identity, value)


def order_of(value: Any) -> Any:
    """Something that orders any two values that are not null. Raises OperationError."""
    return _measured(sort_key, value)


def _measured(measure: Callable[[Evaluation, Any], Any], value: Any) -> Any:
    try:
        return measure(Evaluation(EMPTY), value)
    except (EvaluationError, ValueProblem) as error:
        raise invalid(str(error)) from None


def named(column: str) -> str:
    """Key under which a column's value is given: dots become underscores."""
    return column.replace(".", "_")
