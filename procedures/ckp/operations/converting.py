"""Strict conversion of values to declared types."""

from collections.abc import Callable
from typing import Any, Final

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.functions.choice import read_json
from procedures.ckp.expressions.moments import read_moment
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.values import Json, canonical_json, json_pieces, kind_of, plain_number, read_number, scalar_text


def convert(value: Json, target: str) -> Json:
    """The value as the type says, without guessing: `"12"` is 12, `"12,0"` and `"yes"` are refused.

    Raises OperationError (invalid_value).
    """
    conversion = _CONVERSIONS.get(target)
    if conversion is None:
        raise invalid(f"There is no type “{target}”.")
    return conversion(value)


def _refuse(value: Json, what: str) -> OperationError:
    shown = value if isinstance(value, str) else canonical_json(value)
    return invalid(f"“{shown[:80]}” is not {what}.")


def _string(value: Json) -> Json:
    if isinstance(value, str):
        return value
    if value is None:
        raise _refuse(value, "a text")
    return "".join(json_pieces(value)) if isinstance(value, list | dict) else scalar_text(value, null="")


def _number(value: Json) -> Json:
    number: Any = read_number(value) if isinstance(value, str) else value
    if number is None or kind_of(number) != "number":
        raise _refuse(value, "a number")
    return plain_number(number)


def _integer(value: Json) -> Json:
    number = _number(value)
    if not isinstance(number, int):
        raise _refuse(value, "a whole number")
    return number


def _boolean(value: Json) -> Json:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise _refuse(value, "true or false")
    return value == "true"


def _parsed(kind: str, what: str) -> Callable[[Json], Json]:
    def convert_parsed(value: Json) -> Json:
        found = value
        if isinstance(value, str):
            try:
                found = read_json(value)
            except EvaluationError:
                raise _refuse(value, what) from None
        if kind_of(found) != kind:
            raise _refuse(value, what)
        return found

    return convert_parsed


def _moment(with_time: bool, what: str) -> Callable[[Json], Json]:
    def convert_moment(value: Json) -> Json:
        if not isinstance(value, str) or ("T" in value or " " in value) is not with_time:
            raise _refuse(value, what)
        try:
            read_moment(value)
        except EvaluationError:
            raise _refuse(value, what) from None
        return value

    return convert_moment


_CONVERSIONS: Final[dict[str, Callable[[Json], Json]]] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "array": _parsed("list", "a list"),
    "object": _parsed("object", "an object"),
    "date": _moment(False, "a date such as 2026-02-09"),
    "datetime": _moment(True, "a time such as 2026-02-09T10:30:00Z"),
}
