"""Functions of size and number."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Final

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import MISSING, Evaluation, Value
from procedures.ckp.expressions.functions.base import Catalogue
from procedures.ckp.expressions.operators import add, divide, number_of, order, text_of
from procedures.ckp.expressions.paths import follow, read_path
from procedures.ckp.values import Number, exact, kind_of, read_number

NUMBERS: Final = Catalogue()
_WIDE: Final = Context(prec=400, rounding=ROUND_HALF_UP)
_MOST_DIGITS: Final = 28


@NUMBERS("len", "length", "count")
def length(ev: Evaluation, value: Value) -> Value:
    """Elements, characters or keys; 0 for null."""
    if value is None:
        return 0
    if isinstance(value, str | list | dict):
        return len(value)
    raise EvaluationError("type", f"A {kind_of(value)} has no length.")


@NUMBERS("sum")
def total(ev: Evaluation, values: Value, column: Value = None, *more: Value) -> Value:
    """Sum of the numbers; 0 of nothing."""
    result: Value = 0
    for value in ev.each(several(ev, values, column, more)):
        result = add(ev, result, number_of(value))
    return result


@NUMBERS("avg")
def average(ev: Evaluation, values: Value, column: Value = None, *more: Value) -> Value:
    """Arithmetic mean; null of nothing."""
    numbers = several(ev, values, column, more)
    return divide(ev, total(ev, numbers), len(numbers)) if numbers else None


@NUMBERS("min")
def smallest(ev: Evaluation, values: Value, column: Value = None, *more: Value) -> Value:
    """Smallest number or text; null of nothing."""
    return _extreme(ev, several(ev, values, column, more), -1)


@NUMBERS("max")
def largest(ev: Evaluation, values: Value, column: Value = None, *more: Value) -> Value:
    """Largest number or text; null of nothing."""
    return _extreme(ev, several(ev, values, column, more), 1)


def several(ev: Evaluation, values: Value, column: Value, more: Iterable[Value]) -> list[Value]:
    """The values of a list, of its column, or the arguments themselves; nulls left out.

    Raises EvaluationError (type).
    """
    if isinstance(values, list):
        if more or not (column is None or isinstance(column, str)):
            raise EvaluationError("argument", "A list takes one column, given as text.")
        return column_values(ev, values, column)
    if values is None and (column is None or isinstance(column, str)):
        return []
    arguments = [value for value in (values, column, *more) if value is not None]
    for value in arguments:
        number_of(value)
    return arguments


def column_values(ev: Evaluation, values: list[Value], column: str | None) -> list[Value]:
    """The values that are not null, of the elements themselves or of a column of them."""
    ev.make_elements(len(values))
    if column is None:
        return [value for value in ev.each(values) if value is not None]
    path = read_path(column)
    found = (follow(value, path) for value in ev.each(values))
    return [value for value in found if value is not None and value is not MISSING]


def _extreme(ev: Evaluation, values: list[Value], side: int) -> Value:
    if not values:
        return None
    best = values[0]
    order(ev, best, best)
    for value in ev.each(values):
        if order(ev, value, best) == side:
            best = value
    return best


def numeric(value: Value) -> Number:
    """The number, or the number a text reads as. Raises EvaluationError."""
    if not isinstance(value, str):
        return number_of(value)
    number = read_number(value)
    if number is None:
        raise EvaluationError("argument", f"“{value[:80]}” does not read as a number.")
    return number


@NUMBERS("float")
def to_number(ev: Evaluation, value: Value) -> Value:
    """The number of a text."""
    return numeric(value)


@NUMBERS("int")
def to_integer(ev: Evaluation, value: Value) -> Value:
    """The number without its fraction."""
    return int(numeric(value))


@NUMBERS("abs")
def absolute(ev: Evaluation, value: Value) -> Value:
    """The number without its sign."""
    number = numeric(value)
    return abs(number) if isinstance(number, int) else number.copy_abs()


@NUMBERS("floor")
def floor(ev: Evaluation, value: Value) -> Value:
    """The largest integer that is not larger."""
    return int(Decimal(numeric(value)).to_integral_value(ROUND_FLOOR))


@NUMBERS("ceil")
def ceiling(ev: Evaluation, value: Value) -> Value:
    """The smallest integer that is not smaller."""
    return int(Decimal(numeric(value)).to_integral_value(ROUND_CEILING))


@NUMBERS("round")
def rounded(ev: Evaluation, x: Value, digits: Value = 0) -> Value:
    """The number with so many decimals, half away from zero."""
    places = number_of(digits)
    if not isinstance(places, int) or abs(places) > _MOST_DIGITS:
        raise EvaluationError("argument", f"Digits are a whole number from -{_MOST_DIGITS} to {_MOST_DIGITS}.")
    number = numeric(x)
    if isinstance(number, int) and places >= 0:
        return number
    return _quantized(Decimal(number), places)


def _quantized(number: Decimal, places: int) -> Number:
    try:
        return exact(_WIDE.quantize(number, Decimal(1).scaleb(-places)))
    except InvalidOperation:
        raise EvaluationError("range", "The number is too large to be rounded.") from None


def checked_path(value: Value) -> None:
    """Refuse a literal that is no path."""
    if value is not None:
        read_path(text_of(value))
