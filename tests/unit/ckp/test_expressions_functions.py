"""Every function and filter of the language (CKP 3.3)."""

from typing import Any

import pytest

from procedures.ckp.expressions import FUNCTIONS
from tests.unit.ckp.evaluating import error_of, problem_of, recorded, value_of

ROWS = [{"a": 3, "v": {"n": "x"}}, {"a": None}, {"a": 1.5, "v": {"n": "y"}}, {}]

VALUES: dict[str, list[tuple[str, Any]]] = {
    "len": [("len('abc')", 3), ("[1, 2]|len", 2), ("{'a': 1}|len", 1), ("len(null)", 0), ("len(missing)", 0)],
    "length": [("rows|length", 4)],
    "count": [("rows|count", 4)],
    "sum": [
        ("sum([1, 2.5, null])", 3.5),
        ("rows|sum('a')", 4.5),
        ("rows|sum(column='a')", 4.5),
        ("sum(1, 2, 3)", 6),
        ("sum(1, null, 3)", 4),
        ("sum([])", 0),
        ("sum(null)", 0),
        ("sum(7)", 7),
        ("sum(null, 7)", 7),
    ],
    "avg": [("avg([1, 2])", 1.5), ("avg(rows, 'a')", 2.25), ("avg([])", None), ("avg(1, 2, 6)", 3)],
    "min": [
        ("min([3, 1, 2])", 1),
        ("min(['b', 'a'])", "a"),
        ("min([])", None),
        ("min(4, 2)", 2),
        ("rows|min('a')", 1.5),
    ],
    "max": [("max([3, 1, 2])", 3), ("max(rows, 'v.n')", "y"), ("max([null])", None), ("max(4, 9, 2)", 9)],
    "abs": [("abs(-3)", 3), ("'-2.5'|abs", 2.5)],
    "round": [
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(1.005, 2)", 1.01),
        ("round('7.49')", 7),
        ("round(1234, -2)", 1200),
        ("round(5, digits=2)", 5),
        ("1250|round(-2)", 1300),
    ],
    "floor": [("floor(-1.5)", -2), ("floor('1.9')", 1)],
    "ceil": [("ceil(1.1)", 2), ("ceil(-1.9)", -1)],
    "int": [("int('5')", 5), ("int(-5.9)", -5), ("int('1e3')", 1000)],
    "float": [("float('2.50')", 2.5), ("float(2)", 2), ("float('12000')", 12000)],
    "lower": [("lower('ÄB')", "äb"), ("lower(null)", None)],
    "upper": [("upper('straße')", "STRASSE"), ("upper(null)", None)],
    "trim": [("trim('  a b ')", "a b"), ("trim(null)", None)],
    "capitalize": [("capitalize('aBC')", "Abc"), ("capitalize(null)", None)],
    "string": [
        ("string(1.50)", "1.5"),
        ("string([1, null])", "[1,null]"),
        ("string(null)", ""),
        ("string(true)", "true"),
    ],
    "replace": [
        ("replace('a-b-c', '-', '+')", "a+b+c"),
        ("'aa'|replace(a='a', b='')", ""),
        ("replace(null, 'a', 'b')", None),
    ],
    "split": [
        ("split('a,b,,c', ',')", ["a", "b", "", "c"]),
        ("split(' a  b ')", ["a", "b"]),
        ("split(null, ',')", None),
    ],
    "join": [
        ("join([1, 'a', null, true], ', ')", "1, a, , true"),
        ("[1, 2]|join", "12"),
        ("join(null, ',')", None),
        ("join([], ',')", ""),
    ],
    "contains": [("contains([1, 2], 2)", True), ("'abc'|contains('b')", True), ("contains({'k': 1}, 'k')", True)],
    "regex_match": [
        (r"regex_match('AB-12', '[A-Z]{2}-\d+')", True),
        ("regex_match('xAB', 'AB')", False),
        ("regex_match(null, 'a')", False),
    ],
    "regex_search": [("regex_search('xABx', 'AB')", True), ("regex_search('x', 'AB')", False)],
    "regex_extract": [
        (r"regex_extract('no 12 of 30', '\d+')", "12"),
        (r"regex_extract('a1 b2', '([a-z])(\d)')", "a"),
        (r"regex_extract('a1 b2', '([a-z])(\d)', 2)", "1"),
        (r"regex_extract('a1', '([a-z])(\d)', group=0)", "a1"),
        ("regex_extract('abc', 'z')", None),
        ("regex_extract(null, 'z')", None),
        ("regex_extract('äöü', 'ö')", "ö"),
    ],
    "first": [("first([1, 2])", 1), ("first([])", None), ("first(null)", None)],
    "last": [("last([1, 2])", 2), ("last([])", None), ("last(null)", None)],
    "reverse": [("reverse([1, 2])", [2, 1]), ("reverse('ab')", "ba"), ("reverse(null)", None)],
    "sort": [
        ("sort([3, 1, 2])", [1, 2, 3]),
        ("sort([2, 'a', null, true, [1], {'a': 1}, 1])", [True, 1, 2, "a", [1], {"a": 1}, None]),
        ("sort([1, 3, 2], reverse=true)", [3, 2, 1]),
        ("rows|sort('a')|map('a')", [1.5, 3, None, None]),
        ("rows|sort(attribute='a', reverse=true)|map('a')", [3, 1.5, None, None]),
        ("sort(null)", None),
    ],
    "unique": [
        ("unique([1, 1.0, '1', true, [1], [1.0], null, null])", [1, "1", True, [1], None]),
        ("unique([{'k': 1, 'v': 1}, {'k': 1, 'v': 2}], 'k')", [{"k": 1, "v": 1}]),
        ("unique(null)", None),
    ],
    "flatten": [("flatten([1, [2, [3]], []])", [1, 2, [3]]), ("flatten(null)", None)],
    "map": [
        ("rows|map(attribute='v.n')", ["x", None, "y", None]),
        ("map(null, 'a')", None),
        ("[[1, 2]]|map('1')", [2]),
    ],
    "selectattr": [
        ("rows|selectattr('a')|length", 2),
        ("rows|selectattr('a', '>', 2)|map('a')", [3]),
        ("rows|selectattr('a', '>=', 1.5)|length", 2),
        ("rows|selectattr('a', '<', 2)|map('a')", [1.5]),
        ("rows|selectattr('a', '<=', 1)|length", 0),
        ("rows|selectattr('a', '==', 3)|length", 1),
        ("rows|selectattr('a', '!=', 3)|length", 3),
        ("rows|selectattr('a', 'in', [1.5, 7])|length", 1),
        ("rows|selectattr('v.n', 'contains', 'x')|length", 1),
        ("rows|selectattr('a', 'defined')|length", 3),
        ("rows|selectattr('a', 'none')|length", 2),
        ("selectattr(null, 'a')", None),
    ],
    "rejectattr": [
        ("rows|rejectattr('a')|length", 2),
        ("rows|rejectattr(path='a', test='defined')", [{}]),
        ("rows|rejectattr('a', test='==', value=3)|length", 3),
    ],
    "keys": [("keys({'b': 1, 'a': 2})", ["b", "a"]), ("keys(null)", None)],
    "values": [("values({'b': 1, 'a': 2})", [1, 2]), ("values(null)", None)],
    "items": [("items({'b': 1})", [["b", 1]]), ("items(null)", None)],
    "is_empty": [("is_empty('')", True), ("[]|is_empty", True), ("is_empty(missing)", True), ("is_empty(0)", False)],
    "is_not_empty": [("is_not_empty('a')", True), ("{}|is_not_empty", False), ("missing|is_not_empty", False)],
    "default": [
        ("missing|default('d')", "d"),
        ("null|default('d')", "d"),
        ("''|default('d')", ""),
        ("''|default('d', true)", "d"),
        ("0|default(value=5, also_empty=true)", 5),
        ("7|default(5, true)", 7),
        ("missing.deep.path|default(1)", 1),
    ],
    "tojson": [
        ("tojson({'a': [1.0, null, 'ä\"']})", '{"a":[1,null,"ä\\""]}'),
        ("tojson(1/3)", "0.3333333333333333"),
        ("tojson(null)", "null"),
    ],
    "fromjson": [("fromjson('{\"a\": [1.0, 2.5]}')", {"a": [1, 2.5]}), ("fromjson(null)", None)],
}

ERRORS = [
    ("len(5)", "type"),
    ("len(true)", "type"),
    ("sum(['a'])", "type"),
    ("sum('abc')", "type"),
    ("sum([true])", "type"),
    ("sum([1], 2)", "argument"),
    ("sum([1], 'a', 3)", "argument"),
    ("sum([1], '.a')", "argument"),
    ("min([1, 'a'])", "type"),
    ("min([[1], [2]])", "type"),
    ("min('a', 'b')", "type"),
    ("abs('x')", "argument"),
    ("abs(null)", "type"),
    ("abs([])", "type"),
    ("int(true)", "type"),
    ("int('5 ')", "argument"),
    ("int('12,0')", "argument"),
    ("float('1e999')", "argument"),
    ("round(1, 'a')", "type"),
    ("round(1, 1.5)", "argument"),
    ("round(1, 99)", "argument"),
    ("upper(5)", "type"),
    ("replace('a', '', 'b')", "argument"),
    ("replace('a', 1, 'b')", "type"),
    ("split('a', '')", "argument"),
    ("join('abc', ',')", "type"),
    ("regex_match(5, 'a')", "type"),
    ("regex_match('a', pattern)", "argument"),
    ("regex_extract('a', 'a', 1)", "argument"),
    ("regex_extract('a', 'a', 'x')", "type"),
    ("first('abc')", "type"),
    ("reverse(5)", "type"),
    ("sort('abc')", "type"),
    ("sort([1], name)", "argument"),
    ("map([1], 5 ~ '.')", "argument"),
    ("selectattr([1], 'a', test)", "argument"),
    ("selectattr([1], 'a', 5 + 1)", "argument"),
    ("keys([1])", "type"),
    ("items('a')", "type"),
    ("fromjson('{')", "argument"),
    ("fromjson('[NaN]')", "argument"),
    ("fromjson('1e999')", "argument"),
    ("fromjson(5)", "type"),
    ("fromjson(deep)", "limit"),
    ("fromjson(deeper)", "limit"),
    ("tojson(nested)", "limit"),
]

REFUSED = [
    ("x|uppr", "CKP407", "did you mean `upper`?"),
    ("uppr(x)", "CKP407", "did you mean `upper`?"),
    ("x|zzzzzzzz", "CKP407", None),
    ("x|replace('a')", "CKP408", None),
    ("x|replace('a', 'b', 'c')", "CKP408", None),
    ("x|default", "CKP408", None),
    ("len()", "CKP408", None),
    ("x|round(digit=2)", "CKP408", "digits"),
    ("x|round(2, digits=2)", "CKP408", None),
    ("x|round(x=2)", "CKP408", None),
    ("len(*x)", "CKP405", None),
    ("x|map('a b')", "CKP408", None),
    ("x|map(5)", "CKP408", None),
    ("x|selectattr('a', '=')", "CKP408", None),
    ("x|selectattr('a', 'contain')", "CKP408", None),
    ("regex_match(x, '(')", "CKP409", None),
    (r"regex_match(x, '(?=a)')", "CKP409", None),
    ("regex_match(x, 'a')|zzz()", "CKP407", None),
    ("x|upper.lower", "CKP407", None),
    ("list.sum(a, b)", "CKP408", None),
    ("list.sum(1)", "CKP408", None),
    ("list.sum(a[x])", "CKP408", None),
    ("list.length()", "CKP407", "list.length"),
    ("list.lenght()", "CKP407", "did you mean `list|length`?"),
    ("list.items()", "CKP407", "list|items"),
    ("a.b['c'].keys()", "CKP407", "x|keys"),
    ("(1 + 2)()", "CKP405", None),
    ("'a'()", "CKP405", None),
]


@pytest.mark.parametrize(
    ("text", "expected"), [case for cases in VALUES.values() for case in cases], ids=lambda value: str(value)[:60]
)
def test_function(text: str, expected: Any) -> None:
    result = value_of(text, rows=ROWS)
    assert (type(result), result) == (type(expected), expected)


@pytest.mark.parametrize(("text", "kind"), ERRORS)
def test_arguments_that_fail(text: str, kind: str) -> None:
    variables = {"pattern": "(", "name": "..", "test": "is", "deep": "[" * 200 + "]" * 200, "deeper": "[" * 100_000}
    nested: Any = 1
    for _ in range(200):
        nested = [nested]
    assert error_of(text, **variables, nested=nested) == kind


@pytest.mark.parametrize(("text", "code", "hint"), REFUSED)
def test_call_that_is_refused(text: str, code: str, hint: str | None) -> None:
    problem = problem_of(text)
    assert problem.code == code
    if hint is not None:
        assert problem.hint == hint


def test_every_function_but_those_of_dates_is_covered_here() -> None:
    dates = {name for name in FUNCTIONS if "date" in name or "day" in name or name == "now"}
    assert set(FUNCTIONS) - dates == set(VALUES)


def test_long_pattern_is_refused() -> None:
    assert problem_of(f"regex_match(x, '{'a' * 501}')").code == "CKP409"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("regex_match(missing, 'a')", [("undefined_value", "missing", (), 12)]),
        ("regex_match(null, 'a')", [("null_comparison", None, ("null", "text"), 0)]),
        ("contains(missing, 'a')", [("undefined_value", "missing", (), 9)]),
        ("contains(5, 'a')", [("type_mismatch", None, ("number", "text"), 0)]),
        ("missing|upper", [("undefined_value", "missing", (), 0)]),
        ("missing|default('a')", []),
        ("is_empty(missing.x)", []),
        ("[{'a': '5'}]|selectattr('a', '==', 5)", [("type_mismatch", None, ("number", "text"), 13)]),
        ("[{'a': null}, {}]|selectattr('a', '>', 5)", [("null_comparison", None, ("null", "number"), 18)]),
    ],
)
def test_what_functions_record(text: str, expected: list[Any]) -> None:
    assert recorded(text) == expected


def test_signature_is_what_an_author_writes() -> None:
    assert FUNCTIONS["default"].signature == "default(x, value, also_empty=false)"
    assert FUNCTIONS["sum"].signature == "sum(values, column=null, …)"
    assert FUNCTIONS["round"].signature == "round(x, digits=0)"
    assert all(function.summary.endswith(".") for function in FUNCTIONS.values())
