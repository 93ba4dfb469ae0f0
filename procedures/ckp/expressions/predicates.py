"""The tests behind `is` (CKP 3.2)."""

from collections.abc import Callable
from typing import Final

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import Evaluation, Undefined, Value
from procedures.ckp.expressions.functions.dates import day, is_business_day, last_working_day
from procedures.ckp.expressions.operators import is_empty
from procedures.ckp.values import exact, kind_of


def _is_kind(kind: str) -> Callable[[Evaluation, Value], bool]:
    return lambda ev, value: kind_of(value) == kind


def _is_integer(ev: Evaluation, value: Value) -> bool:
    return kind_of(value) == "number" and isinstance(exact(value), int)


def _parity(remainder: int) -> Callable[[Evaluation, Value], bool]:
    def passes(ev: Evaluation, value: Value) -> bool:
        if value is None:
            ev.record("null_comparison", "null", "number")
            return False
        if not _is_integer(ev, value):
            raise EvaluationError("type", "Only whole numbers are even or odd.")
        return int(exact(value)) % 2 == remainder

    return passes


def _about_day(decide: Callable[[Evaluation, Value], bool]) -> Callable[[Evaluation, Value], bool]:
    def passes(ev: Evaluation, value: Value) -> bool:
        if value is None:
            ev.record("null_comparison", "null", "text")
            return False
        return decide(ev, value)

    return passes


def _is_last_working_day(ev: Evaluation, value: Value) -> bool:
    given = day(ev, value)
    return given == last_working_day(ev, given)


def _defined(ev: Evaluation, value: Value) -> bool:
    return value.__class__ is not Undefined


def _undefined(ev: Evaluation, value: Value) -> bool:
    return value.__class__ is Undefined


def _none(ev: Evaluation, value: Value) -> bool:
    return value is None or value.__class__ is Undefined


def _empty(ev: Evaluation, value: Value) -> bool:
    return is_empty(value)


DAY_TESTS: Final[dict[str, Callable[[Evaluation, Value], bool]]] = {
    "business_day": _about_day(is_business_day),
    "weekend": _about_day(lambda ev, value: day(ev, value).isoweekday() > 5),
    "last_business_day_of_month": _about_day(_is_last_working_day),
}
GUARDED_TESTS: Final[dict[str, Callable[[Evaluation, Value], bool]]] = {
    "defined": _defined,
    "undefined": _undefined,
    "none": _none,
    "empty": _empty,
}
TESTS: Final[dict[str, Callable[[Evaluation, Value], bool]]] = {
    **GUARDED_TESTS,
    "string": _is_kind("text"),
    "number": _is_kind("number"),
    "integer": _is_integer,
    "boolean": _is_kind("boolean"),
    "array": _is_kind("list"),
    "object": _is_kind("object"),
    "true": lambda ev, value: value is True,
    "false": lambda ev, value: value is False,
    "even": _parity(0),
    "odd": _parity(1),
    **DAY_TESTS,
}
