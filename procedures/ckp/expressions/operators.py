"""Operators over values: equality, order, membership, arithmetic (CKP 3.2)."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation, Overflow
from typing import Final

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import Evaluation, Undefined, Value
from procedures.ckp.values import ARITHMETIC, MAX_DEPTH, Number, ValueProblem, exact, kind_of, read_number

Comparison = Callable[[Evaluation, Value, Value], bool]
Arithmetic = Callable[[Evaluation, Value, Value], Value]

_LARGE: Final = 10**28
_READS_AS_BOOLEAN: Final = frozenset({"true", "false"})


def number_of(value: Value) -> Number:
    """The exact number. Raises EvaluationError (type) for another kind, ValueProblem (range)."""
    if value.__class__ is int:
        return value
    if kind_of(value) != "number":
        raise EvaluationError("type", f"A number is needed, not {_article(kind_of(value))}.")
    return exact(value)


def text_of(value: Value) -> str:
    """The text. Raises EvaluationError (type) for another kind."""
    if isinstance(value, str):
        return value
    raise EvaluationError("type", f"A text is needed, not {_article(kind_of(value))}.")


def list_of(value: Value) -> list[Value]:
    """The list. Raises EvaluationError (type) for another kind."""
    if isinstance(value, list):
        return value
    raise EvaluationError("type", f"A list is needed, not {_article(kind_of(value))}.")


def _article(kind: str) -> str:
    return kind if kind == "null" else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def same(ev: Evaluation, left: Value, right: Value, depth: int = 0) -> bool:
    """Equality without conversion, deep in lists and objects; nothing is recorded."""
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == "number":
        return exact(left) == exact(right)
    if kind in ("list", "object"):
        return left is right or _same_parts(ev, left, right, depth + 1)
    return bool(left == right)


def _same_parts(ev: Evaluation, left: Value, right: Value, depth: int) -> bool:
    if len(left) != len(right):
        return False
    if depth > MAX_DEPTH:
        raise ValueProblem("limit", f"The value is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(left, dict):
        return all(key in right and same(ev, left[key], right[key], depth) for key in ev.each(left))
    return all(same(ev, mine, other, depth) for mine, other in ev.each(zip(left, right, strict=True)))


def equal(ev: Evaluation, left: Value, right: Value) -> bool:
    """`==`: different kinds are unequal, which is recorded where a text reads as the other side."""
    left, right = ev.settle(left), ev.settle(right)
    if left.__class__ is right.__class__ and (left.__class__ is str or left.__class__ is int):
        return bool(left == right)
    if same(ev, left, right):
        return True
    _note_near_match(ev, left, right)
    return False


def _note_near_match(ev: Evaluation, left: Value, right: Value) -> None:
    if isinstance(left, str):
        left, right = right, left
    if not isinstance(right, str) or isinstance(left, str):
        return
    if isinstance(left, bool):
        near = right.lower() in _READS_AS_BOOLEAN
    else:
        near = kind_of(left) == "number" and read_number(right) is not None
    if near:
        ev.record("type_mismatch", kind_of(left), "text")


def unequal(ev: Evaluation, left: Value, right: Value) -> bool:
    """`!=`."""
    return not equal(ev, left, right)


def order(ev: Evaluation, left: Value, right: Value) -> int | None:
    """-1, 0 or 1; None, recorded, when a side is null or undefined. Raises EvaluationError (type)."""
    if left.__class__ is int and right.__class__ is int:
        return bool(left > right) - bool(left < right)
    if left is None or right is None or Undefined in (left.__class__, right.__class__):
        _record_null(ev, left, right)
        return None
    kind, other = kind_of(left), kind_of(right)
    if kind == other == "number":
        left, right = exact(left), exact(right)
    elif not kind == other == "text":
        raise EvaluationError("type", f"{_article(kind).capitalize()} cannot be ordered against {_article(other)}.")
    return bool(left > right) - bool(left < right)


def _record_null(ev: Evaluation, left: Value, right: Value) -> None:
    undefined = [side for side in (left, right) if side.__class__ is Undefined]
    for side in undefined:
        ev.undefined(side)
    if not undefined:
        ev.record("null_comparison", kind_of(left), kind_of(right))


def less(ev: Evaluation, left: Value, right: Value) -> bool:
    """`<`."""
    return order(ev, left, right) == -1


def less_or_equal(ev: Evaluation, left: Value, right: Value) -> bool:
    """`<=`."""
    return order(ev, left, right) in (-1, 0)


def greater(ev: Evaluation, left: Value, right: Value) -> bool:
    """`>`."""
    return order(ev, left, right) == 1


def greater_or_equal(ev: Evaluation, left: Value, right: Value) -> bool:
    """`>=`."""
    return order(ev, left, right) in (0, 1)


def contains(ev: Evaluation, whole: Value, part: Value) -> bool:
    """Element of a list by `==`, part of a text, key of an object; other kinds are false and recorded."""
    if isinstance(whole, list):
        return _has_element(ev, whole, ev.settle(part))
    if isinstance(whole, str | dict) and isinstance(part, str):
        if isinstance(whole, str):
            ev.charge_text(len(whole))
        return part in whole
    _record_mismatch(ev, whole, part)
    return False


def _has_element(ev: Evaluation, whole: list[Value], part: Value) -> bool:
    for element in ev.each(whole):
        if same(ev, element, part):
            return True
    for element in ev.each(whole):
        _note_near_match(ev, element, part)
    return False


def _record_mismatch(ev: Evaluation, left: Value, right: Value) -> None:
    if left is None or right is None or Undefined in (left.__class__, right.__class__):
        _record_null(ev, left, right)
    else:
        ev.record("type_mismatch", kind_of(left), kind_of(right))


def is_in(ev: Evaluation, part: Value, whole: Value) -> bool:
    """`in`."""
    return contains(ev, whole, part)


def is_not_in(ev: Evaluation, part: Value, whole: Value) -> bool:
    """`not in`."""
    return not contains(ev, whole, part)


def contains_not(ev: Evaluation, whole: Value, part: Value) -> bool:
    """`not_contains`."""
    return not contains(ev, whole, part)


def starts_with(ev: Evaluation, whole: Value, part: Value) -> bool:
    """`starts_with`: two texts; other kinds are false and recorded."""
    if isinstance(whole, str) and isinstance(part, str):
        return whole.startswith(part)
    _record_mismatch(ev, whole, part)
    return False


def ends_with(ev: Evaluation, whole: Value, part: Value) -> bool:
    """`ends_with`: two texts; other kinds are false and recorded."""
    if isinstance(whole, str) and isinstance(part, str):
        return whole.endswith(part)
    _record_mismatch(ev, whole, part)
    return False


COMPARISONS: Final[dict[str, Comparison]] = {
    "eq": equal,
    "ne": unequal,
    "lt": less,
    "lteq": less_or_equal,
    "gt": greater,
    "gteq": greater_or_equal,
    "in": is_in,
    "notin": is_not_in,
    "contains": contains,
    "not_contains": contains_not,
    "starts_with": starts_with,
    "ends_with": ends_with,
}


def is_empty(value: Value) -> bool:
    """Null, undefined, or an empty text, list or object."""
    return value is None or value.__class__ is Undefined or (isinstance(value, str | list | dict) and not value)


def add(ev: Evaluation, left: Value, right: Value) -> Value:
    """`+`: numbers, two texts, or two lists."""
    if isinstance(left, str) and isinstance(right, str):
        ev.make_text(len(left) + len(right))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        ev.make_elements(len(left) + len(right))
        return left + right
    mine, other = _two_numbers(left, right, "+")
    if isinstance(mine, int) and isinstance(other, int):
        return _small(mine + other)
    return _decimal(ARITHMETIC.add, mine, other)


def subtract(ev: Evaluation, left: Value, right: Value) -> Value:
    """`-`."""
    mine, other = _two_numbers(left, right, "-")
    if isinstance(mine, int) and isinstance(other, int):
        return _small(mine - other)
    return _decimal(ARITHMETIC.subtract, mine, other)


def multiply(ev: Evaluation, left: Value, right: Value) -> Value:
    """`*`."""
    mine, other = _two_numbers(left, right, "*")
    if isinstance(mine, int) and isinstance(other, int):
        return _small(mine * other)
    return _decimal(ARITHMETIC.multiply, mine, other)


def divide(ev: Evaluation, left: Value, right: Value) -> Value:
    """`/`. Raises EvaluationError (division) for 0."""
    mine, other = _two_numbers(left, right, "/")
    return _quotient(ARITHMETIC.divide, mine, other)


def floor_divide(ev: Evaluation, left: Value, right: Value) -> Value:
    """`//`: the quotient rounded down."""
    mine, other = _two_numbers(left, right, "//")
    if isinstance(mine, int) and isinstance(other, int) and other:
        return _small(mine // other)
    remainder = _remainder(mine, other)
    return _quotient(ARITHMETIC.divide_int, _decimal(ARITHMETIC.subtract, mine, remainder), other)


def modulo(ev: Evaluation, left: Value, right: Value) -> Value:
    """`%`, with the divisor's sign."""
    mine, other = _two_numbers(left, right, "%")
    if isinstance(mine, int) and isinstance(other, int) and other:
        return _small(mine % other)
    return _remainder(mine, other)


def _remainder(left: Number, right: Number) -> Number:
    remainder = _quotient(ARITHMETIC.remainder, left, right)
    differs = remainder != 0 and (remainder < 0) != (right < 0)
    return _decimal(ARITHMETIC.add, remainder, right) if differs else remainder


ARITHMETICS: Final[dict[str, Arithmetic]] = {
    "Add": add,
    "Sub": subtract,
    "Mul": multiply,
    "Div": divide,
    "FloorDiv": floor_divide,
    "Mod": modulo,
}


def _two_numbers(left: Value, right: Value, sign: str) -> tuple[Number, Number]:
    kind, other = kind_of(left), kind_of(right)
    if kind == other == "number":
        return exact(left), exact(right)
    raise EvaluationError("type", f"`{sign}` does not join {_article(kind)} and {_article(other)}.")


def _small(number: int) -> Number:
    """An integer within 28 digits as it is, a longer one rounded to them."""
    return number if -_LARGE < number < _LARGE else _decimal(ARITHMETIC.plus, number)


def _quotient(operation: Callable[[Decimal, Decimal], Decimal], left: Number, right: Number) -> Number:
    if right == 0:
        raise EvaluationError("division", "Division by zero.")
    return _decimal(operation, left, right)


def _decimal(operation: Callable[..., Decimal], *numbers: Number) -> Number:
    try:
        return exact(operation(*map(Decimal, numbers)))
    except (InvalidOperation, Overflow):
        raise EvaluationError("range", "The result is too large or has too many digits.") from None
