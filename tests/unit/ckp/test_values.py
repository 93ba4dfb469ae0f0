"""Kinds, numbers, text forms and canonical JSON (CKP 3.2 and 8)."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procedures.ckp.values import (
    ValueProblem,
    canonical_hash,
    canonical_json,
    depth_exceeds,
    exact,
    kind_of,
    number_text,
    plain_number,
    read_number,
    scalar_text,
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Name(str):
    """A text of a class of its own."""

    __slots__ = ()


def nested(levels: int) -> Any:
    """Lists inside lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_kinds() -> None:
    values = [None, True, 1, 1.5, Decimal(2), "a", Name("b"), [], {}]
    kinds = ["null", "boolean", "number", "number", "number", "text", "text", "list", "object"]
    assert [kind_of(value) for value in values] == kinds
    for value in (object(), (1,), {1}, b"x"):
        with pytest.raises(ValueProblem) as failed:
            kind_of(value)
        assert failed.value.reason == "type"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (100, "100"),
        (-2.50, "-2.5"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (1.5e300, "15" + "0" * 299),
        (Decimal("1.2300"), "1.23"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (10**30, "1" + "0" * 30),
    ],
)
def test_number_text(number: Any, text: str) -> None:
    assert number_text(number) == text


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), Decimal("Infinity"), Decimal("1E+9999"), 10**5000], ids=range(5)
)
def test_numbers_out_of_range(number: Any) -> None:
    with pytest.raises(ValueProblem) as failed:
        exact(number)
    assert failed.value.reason == "range"


def test_numbers_leave_as_integer_or_nearest_double() -> None:
    assert plain_number(Decimal("2.0")) == 2
    assert isinstance(plain_number(2.0), int)
    assert plain_number(Decimal("0.1234567890123456789")) == 0.12345678901234568
    assert plain_number(10**30) == 10**30


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-12", -12), ("1.50", Decimal("1.5")), ("1e3", 1000), ("2E-1", Decimal("0.2")), ("1.0", 1)],
)
def test_text_that_reads_as_a_number(text: str, number: Any) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "+1", "01", "1.", ".5", "1,5", "0x1", "1e", "NaN", "1e999", "1" * 500, "١"]
)
def test_text_that_does_not(text: str) -> None:
    assert read_number(text) is None


def test_canonical_json() -> None:
    value = {"b": [1.0, 2.50, None, True], "a": {"ü": "é\u2028", "B": '"\\/\n\t\x01\x7f'}, "😀": 1e21}
    expected = '{"a":{"B":"\\"\\\\/\\n\\t\\u0001\x7f","ü":"é\u2028"},"b":[1,2.5,null,true],"😀":1000000000000000000000}'
    assert canonical_json(value) == expected
    assert canonical_json({}) == "{}"
    assert canonical_json([]) == "[]"
    assert canonical_json("a") == '"a"'


def test_canonical_json_sorts_by_code_point() -> None:
    assert canonical_json({"\uffff": 1, "😀": 2, "a": 3, "A": 4}) == '{"A":4,"a":3,"\uffff":1,"😀":2}'


def test_half_a_character_is_escaped() -> None:
    assert canonical_json("a\ud800é") == '"a\\ud800é"'
    assert canonical_json("a\ud800").encode()


def test_canonical_hash() -> None:
    assert canonical_hash({"a": 1.0, "b": "ä"}) == canonical_hash({"b": "ä", "a": 1})
    assert len(canonical_hash(None)) == 64


@given(JSON)
def test_canonical_json_reads_back_as_the_same_text(value: Any) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_text_is_exact_and_short(number: float) -> None:
    assert float(number_text(number)) == number
    assert "e" not in number_text(number).lower()


def test_depth() -> None:
    assert not depth_exceeds(nested(128))
    assert depth_exceeds(nested(129))
    assert not depth_exceeds({"a": [1]}, 2)
    assert depth_exceeds({"a": [[]]}, 2)
    assert not depth_exceeds(5)
    canonical_json(nested(128))
    with pytest.raises(ValueProblem) as failed:
        canonical_json(nested(129))
    assert failed.value.reason == "limit"


def test_scalar_text() -> None:
    assert [scalar_text(value, null="-") for value in (None, True, False, 1.50)] == ["-", "true", "false", "1.5"]
    with pytest.raises(ValueProblem):
        scalar_text(b"x", null="")
