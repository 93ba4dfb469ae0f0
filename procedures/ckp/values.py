"""JSON values of the language: kinds, numbers, text forms, canonical JSON (CKP 3.2 and 8)."""

import hashlib
import re
from collections.abc import Iterator
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from json.encoder import encode_basestring
from types import NoneType
from typing import Final, Literal, TypeAlias

Json: TypeAlias = "bool | int | float | Decimal | str | list[Json] | dict[str, Json] | None"
Number: TypeAlias = int | Decimal
Kind: TypeAlias = Literal["null", "boolean", "number", "text", "list", "object"]

MAX_DEPTH: Final = 128
"""Lists and objects nested deeper than this are refused by every function that walks a value."""

ARITHMETIC: Final = Context(prec=28, Emin=-400, Emax=308, traps=[DivisionByZero, InvalidOperation, Overflow])
"""Decimal arithmetic with 28 significant digits inside the range of a double."""

_KINDS: dict[type, Kind] = {
    NoneType: "null",
    bool: "boolean",
    int: "number",
    float: "number",
    Decimal: "number",
    str: "text",
    list: "list",
    dict: "object",
}
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONGEST_INTEGER_BITS: Final = 4096


class ValueProblem(ValueError):
    """A value cannot be handled: `reason` is `type` (not JSON), `range` (number) or `limit` (depth, size)."""

    def __init__(self, reason: Literal["type", "range", "limit"], message: str) -> None:
        super().__init__(message)
        self.reason = reason


def kind_of(value: object) -> Kind:
    """Kind of a JSON value. Raises ValueProblem (type) for anything that JSON cannot hold."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    for base, known in _KINDS.items():
        if isinstance(value, base):
            return known
    raise ValueProblem("type", f"A value of the Python type {type(value).__name__} is not JSON.")


def exact(value: int | float | Decimal) -> Number:
    """The number as an integer where it is whole, else as a Decimal. Raises ValueProblem (range)."""
    if isinstance(value, int):
        if value.bit_length() > _LONGEST_INTEGER_BITS:
            raise ValueProblem("range", "The number is too large.")
        return value
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if not number.is_finite() or number.adjusted() > _LONGEST_INTEGER_BITS // 4:
        raise ValueProblem("range", "The number is not finite or too large.")
    return int(number) if number == number.to_integral_value() else number


def plain_number(value: int | float | Decimal) -> int | float:
    """The number as it leaves the evaluator: exact integer, else the nearest double. Raises ValueProblem (range)."""
    number = exact(value)
    if isinstance(number, int):
        return number
    return float(number)


def number_text(value: int | float | Decimal) -> str:
    """Shortest exact decimal digits, without exponent: 1.0 is `1`, 1e-7 is `0.0000001`."""
    number = exact(value)
    if isinstance(number, int):
        return str(number)
    digits = format(number, "f")
    return digits.rstrip("0") if "." in digits else digits


def read_number(text: str) -> Number | None:
    """The number that the whole text spells in JSON's own grammar, else None."""
    if len(text) > 400 or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return None if number.adjusted() > ARITHMETIC.Emax else exact(number)


def read_index(text: str) -> int | None:
    """The index that the whole text spells with at most nine digits, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def json_pieces(value: Json, *, sort_keys: bool = False, depth: int = 0) -> Iterator[str]:
    """Compact JSON in pieces, keys in stored order or sorted by code point. Raises ValueProblem."""
    if isinstance(value, str):
        yield _quoted(value)
    elif isinstance(value, list):
        yield from _list_pieces(value, sort_keys, _deeper(depth))
    elif isinstance(value, dict):
        yield from _object_pieces(value, sort_keys, _deeper(depth))
    else:
        yield scalar_text(value, null="null")


def scalar_text(value: bool | int | float | Decimal | None, *, null: str) -> str:
    """Text of null, a boolean or a number; `null` is the text for null."""
    if value is None:
        return null
    if isinstance(value, bool):
        return "true" if value else "false"
    kind_of(value)
    return number_text(value)


def canonical_json(value: Json) -> str:
    """Canonical JSON: keys sorted, no blanks, only the escapes JSON demands, shortest exact numbers."""
    return "".join(json_pieces(value, sort_keys=True))


def canonical_hash(value: Json) -> str:
    """SHA-256 of the canonical JSON, in lower-case hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def depth_exceeds(value: Json, limit: int = MAX_DEPTH) -> bool:
    """Whether lists and objects are nested deeper than `limit`; walks without recursion."""
    level: list[list[Json] | dict[str, Json]] = [value] if isinstance(value, list | dict) else []
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, list | dict)
        ]
        if not level:
            return False
    return True


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise ValueProblem("limit", f"The value is nested deeper than {MAX_DEPTH} levels.")
    return depth + 1


def _quoted(text: str) -> str:
    quoted = encode_basestring(text)
    if not text.isascii() and _SURROGATE.search(quoted):
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    return quoted


def _list_pieces(items: list[Json], sort_keys: bool, depth: int) -> Iterator[str]:
    mark = "["
    for item in items:
        yield mark
        yield from json_pieces(item, sort_keys=sort_keys, depth=depth)
        mark = ","
    yield "]" if items else "[]"


def _object_pieces(members: dict[str, Json], sort_keys: bool, depth: int) -> Iterator[str]:
    mark = "{"
    for key in sorted(members) if sort_keys else members:
        yield mark + _quoted(key) + ":"
        yield from json_pieces(members[key], sort_keys=sort_keys, depth=depth)
        mark = ","
    yield "}" if members else "{}"
