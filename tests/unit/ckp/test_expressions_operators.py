"""Operators, paths, literals, tests and grammar of the language (CKP 3.2)."""

from typing import Any

import pytest

from procedures.ckp.expressions import TESTS, ExpressionProblem, compile_condition, compile_expression
from tests.unit.ckp.evaluating import error_of, problem_of, recorded, scope_of, value_of

DATA: dict[str, Any] = {
    "n": 5,
    "f": 2.5,
    "t": "text",
    "e": "",
    "z": None,
    "yes_": True,
    "l": [1, 2, 3],
    "o": {"k": 1, "length": 9, "0": "zero", "a b": {"c": [7]}},
    "rows": [{"a": 1, "v": {"n": 2}}, {"a": 2}],
}

VALUES: list[tuple[str, Any]] = [
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("7 - 2 - 1", 4),
    ("8 / 2 / 2", 2),
    ("1 / 3", 0.3333333333333333),
    ("7 // 2", 3),
    ("-7 // 2", -4),
    ("7.5 // 2", 3),
    ("-7.5 // 2", -4),
    ("7 % -3", -2),
    ("-7.5 % 2", 0.5),
    ("7.5 % -2", -0.5),
    ("6.0 % 2", 0),
    ("1 + 2 ~ 3", 24),
    ("'a' ~ 1 + 2", None),
    ("2 * 3 ~ 4", "64"),
    ("'a' + 'b'", "ab"),
    ("[1] + [2]", [1, 2]),
    ("-f", -2.5),
    ("+n", 5),
    ("- -n", 5),
    ("0.1 + 0.2", 0.3),
    ("1e3", 1000),
    ("1.50", 1.5),
    ("10000000000000000000000000000 * 10", 10**29),
    ("9999999999999999999999999999 + 1", 10**28),
    ("12345678901234567890123456789 % 10", None),
    ("1 / 3 * 3 == 1", False),
    ("2 == 2.0", True),
    ("'a' < 'b'", True),
    ("2 < 10 < 100", True),
    ("1 < 3 > 2", True),
    ("3 > 1 == true", False),
    ("1 == 1 == 1", True),
    ("1 != 2", True),
    ("n >= 5 and n <= 5", True),
    ("n or z", 5),
    ("z or e", ""),
    ("n and t", "text"),
    ("z and n", None),
    ("missing and n", None),
    ("e or l", [1, 2, 3]),
    ("n if yes_ else t", 5),
    ("n if z", None),
    ("1 if z else 2 if z else 3", 3),
    ("not l", False),
    ("not not e", False),
    ("2 in l", True),
    ("'2' in l", False),
    ("4 not in l", True),
    ("'ex' in t", True),
    ("'k' in o", True),
    ("1 in n", False),
    ("l contains 2.0", True),
    ("t not_contains 'x'", False),
    ("l not_contains 9", True),
    ("t starts_with 'te'", True),
    ("t ends_with 'xt'", True),
    ("n starts_with 5", False),
    ("z ends_with 'a'", False),
    ("not t contains 'q'", True),
    ("{'a': [1, 2.0]} == {'a': [1.0, 2]}", True),
    ("{'a': 1} == {'b': 1}", False),
    ("{'a': 1} == {'a': 1, 'b': 2}", False),
    ("[1, [2]] == [1, [3]]", False),
    ("[true] == [1]", False),
    ("null == null", True),
    ("z != null", False),
    ("null != n", True),
    ("e is_empty", True),
    ("e is_not_empty", False),
    ("is_not_empty l", True),
    ("is_empty (e)", True),
    ("is_empty t|replace('text', '')", True),
    ("is_empty(e) == true", True),
    ("not is_empty e", False),
    ("n is_empty or e is_empty", True),
    ("o.k", 1),
    ("o['k']", 1),
    ('o["a b"].c[0]', 7),
    ("o['a b']['c'][-1]", 7),
    ("o.length", 9),
    ("o.count", None),
    ("o.0", "zero"),
    ("o[0]", "zero"),
    ("l[0]", 1),
    ("l.0", 1),
    ("l[-1]", 3),
    ("l[2.0]", 3),
    ("l[1.5]", None),
    ("l[n - 4]", 2),
    ("l[true]", None),
    ("l['x']", None),
    ("l[z]", None),
    ("l[9]", None),
    ("l[-9]", None),
    ("l[:2]", [1, 2]),
    ("l[1:]", [2, 3]),
    ("l[-2:-1]", [2]),
    ("l[:]", [1, 2, 3]),
    ("t[1:3]", "ex"),
    ("t[0]", "t"),
    ("z[1:]", None),
    ("l.length", 3),
    ("l.len", 3),
    ("l.count", 3),
    ("l.first", 1),
    ("l.last", 3),
    ("[].first", None),
    ("t.length", 4),
    ("t.first", None),
    ("'abc'.length", 3),
    ("n.length", None),
    ("l.sum()", 6),
    ("l.avg()", 2),
    ("rows.sum(a)", 3),
    ("rows.sum('a')", 3),
    ("rows.max(v.n)", 2),
    ("rows.min(a)", 1),
    ("rows.count(a)", 2),
    ("rows.count(v)", 1),
    ("rows.count()", 2),
    ("rows.sum(v['n'])", 2),
    ("o.count(a)", None),
    ("{'sum': 5}.sum(a)", 5),
    ("missing.sum(a)", None),
    ("z.sum(a)", None),
    ("(rows)[0].a", 1),
    ("(n if z else o).k", 1),
    ("rows[0]['v'].n", 2),
    ("{'k': n}['k']", 5),
    ("[n, {'a': f}]", [5, {"a": 2.5}]),
    ("[1, 2,]", [1, 2]),
    ("{}", {}),
    ("vars.n + variables.n + input.n", 15),
    ("vars.o.k", 1),
    ("{{n}} + {{ o.k }}", 6),
    ("{{ {{n}} }}", 5),
    ("{'a': {{n}}}", {"a": 5}),
    ("{'a': {'b': {{n}}}}", {"a": {"b": 5}}),
    ("'n={{n}}, {{missing|x}}'", "n=5, x"),
    ("\"{{ 'in {{n}}' }}\"", "in 5"),
    ("{{missing|5}} + 1", 6),
    ("{{missing|-2.5}}", -2.5),
    ("{{missing|true}}", True),
    ("{{missing|false}}", False),
    ("{{missing|null}}", None),
    ("{{missing|'quo{t}ed'}}", "quo{t}ed"),
    ('{{missing|"a\\"b"}}', 'a"b'),
    ("{{missing|}}", ""),
    ("{{missing.x[0]['y']| free text, it's }}", "free text, it's"),
    ("{{missing|[]}}", "[]"),
    ("{{n|upper case}}", None),
    (r"'a\n\t\r\\\'\"\d\u00e4\ud83d\ude00'", "a\n\t\r\\'\"\\dä😀"),
    ('"it\'s"', "it's"),
    ("true", True),
    ("YES", True),
    (" No ", False),
    ("none", None),
    ("null", None),
    ("True and not False", True),
    ("None is none", True),
]

KIND_TESTS: dict[str, tuple[list[str], list[str]]] = {
    "defined": (["n", "z", "''"], ["missing", "o.missing"]),
    "undefined": (["missing"], ["z"]),
    "none": (["z", "missing"], ["e", "0"]),
    "empty": (["e", "[]", "{}", "missing"], ["0", "false"]),
    "string": (["t"], ["n", "z", "missing"]),
    "number": (["n", "f"], ["true", "'1'", "missing"]),
    "integer": (["n", "2.0"], ["f", "true"]),
    "boolean": (["true"], ["1", "'true'"]),
    "array": (["l"], ["o", "t"]),
    "object": (["o"], ["l"]),
    "true": (["true"], ["1", "'true'", "missing"]),
    "false": (["false"], ["0", "z", "missing"]),
    "even": (["2", "0", "4.0"], ["3", "z", "missing"]),
    "odd": (["3", "-1"], ["2", "z"]),
}

REFUSED: list[tuple[str, str, int | None, str | None]] = [
    ("   ", "CKP401", 0, None),
    ("{{}}", "CKP401", 0, None),
    ("1 + {{ }}", "CKP401", 4, None),
    ("{{n", "CKP401", 0, "close it with `}}`"),
    ("{{n}} {{s}}", "CKP402", 6, "join texts with `~`"),
    ("a AND b", "CKP402", 2, "and"),
    ("a Contains b", "CKP402", 2, "contains"),
    ("'{{n'", "CKP401", 1, "close it with `}}`"),
    ("'{{ }}'", "CKP401", 1, None),
    ("(1", "CKP402", 0, None),
    ("1)", "CKP402", 1, None),
    ("[1)", "CKP402", 2, None),
    ("{'a': 1", "CKP402", 0, None),
    ("{{n}", "CKP401", 0, "close it with `}}`"),
    ("1 +", "CKP402", 3, None),
    ("1 2", "CKP402", 2, None),
    ("n n", "CKP402", 2, None),
    ("'abc", "CKP402", 0, None),
    ("a not contains b", "CKP402", 2, "not_contains, or `not` before the whole comparison"),
    ("x === 1", "CKP402", 2, "=="),
    ("x <> 1", "CKP402", 2, "!="),
    ("x => 1", "CKP402", 2, ">="),
    ("!x", "CKP402", 0, "not"),
    ("a || b", "CKP402", 2, "or"),
    ("a ? b : c", "CKP402", 2, "a if condition else b"),
    ("a; b", "CKP402", 1, None),
    ("a @ b", "CKP402", 2, None),
    ("`a`", "CKP402", 0, None),
    ("größe", "CKP402", 2, "write keys that are not plain names as a['…']"),
    ("a § b", "CKP402", 2, None),
    ("12abc", "CKP402", 0, None),
    ("0x10", "CKP402", 0, None),
    ("1_000", "CKP402", 0, None),
    ("007", "CKP402", 0, None),
    ("1.", "CKP402", None, None),
    (".5", "CKP402", 0, None),
    ("1e999", "CKP402", 0, None),
    ("1" * 29, "CKP402", 0, None),
    ("a.", "CKP402", None, None),
    ("a..b", "CKP402", None, None),
    ("a[", "CKP402", 1, None),
    ("a[]", "CKP405", None, None),
    ("a|", "CKP402", 2, None),
    ("a is", "CKP402", 4, None),
    ("a is defined is true", "CKP402", 13, None),
    ("a is number(5)", "CKP408", 11, None),
    ("a is numbr", "CKP407", 5, "did you mean `number`?"),
    ("a is qqqqqqqq", "CKP407", 5, None),
    ("a contains b contains c", "CKP403", 13, None),
    ("1 < a contains b", "CKP403", None, None),
    ("a ** b", "CKP405", 2, None),
    ("(1, 2)", "CKP405", None, "[…] for a list"),
    ("()", "CKP405", None, "[…] for a list"),
    ("a[1:2:3]", "CKP405", None, None),
    ("a[1, 2]", "CKP405", None, None),
    ("f(**a)", "CKP405", None, None),
    ("lambda x: x", "CKP405", 0, None),
    ("{a: 1}", "CKP405", 1, "'a'"),
    ("{1: 1}", "CKP405", 1, None),
    ("'a' 'b'", "CKP405", 4, "join texts with `~`"),
    ("__x", "CKP406", 0, None),
    ("a.__x", "CKP406", 2, None),
    ("vars", "CKP405", 0, "vars.name"),
    ("vars[n]", "CKP405", 0, "vars.name"),
    ("input.0", "CKP405", 0, "input.name"),
    ("secrets", "CKP313", 0, None),
    ("secrets.a.b.c", "CKP313", 0, None),
    ("secrets.a|upper", "CKP313", 0, None),
    ("'x' ~ secrets.a", "CKP313", 6, None),
    ("secrets[n]", "CKP313", 0, None),
    ("foo(1)", "CKP407", 0, None),
    ("(" * 33 + "1" + ")" * 33, "CKP404", 32, None),
    ("not " * 33 + "x", "CKP404", None, None),
    ("-" * 33 + "x", "CKP404", None, None),
    ("1 if a else " * 33 + "1", "CKP404", None, None),
    ("x" + "|upper" * 70, "CKP404", None, None),
    ("x" + ".a" * 70, "CKP404", None, None),
    ("[" + "1," * 1000 + "]", "CKP404", None, None),
    ("x" * 10_001, "CKP404", 0, None),
    ("'" + "{{a}}" * 1001 + "'", "CKP404", None, None),
]

NOT_IN_VALUES = {"1 + 2 ~ 3", "'a' ~ 1 + 2", "12345678901234567890123456789 % 10", "{{n|upper case}}"}


@pytest.mark.parametrize(("text", "expected"), [case for case in VALUES if case[0] not in NOT_IN_VALUES])
def test_value_of_an_expression(text: str, expected: Any) -> None:
    result = value_of(text, **DATA)
    assert (type(result), result) == (type(expected), expected)


def test_texts_join_tighter_than_addition() -> None:
    assert error_of("1 + 2 ~ 3") == "type"
    assert error_of("'a' ~ 1 + 2") == "type"


@pytest.mark.parametrize(("text", "code", "offset", "hint"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(text: str, code: str, offset: int | None, hint: str | None) -> None:
    problem = problem_of(text)
    assert problem.code == code
    assert problem.message
    if offset is not None:
        assert problem.offset == offset
    if hint is not None:
        assert problem.hint == hint


def test_known_filter_word_is_no_older_default() -> None:
    assert problem_of("{{n|upper case}}").code == "CKP402"


@pytest.mark.parametrize("name", sorted(KIND_TESTS))
def test_kind_tests(name: str) -> None:
    passing, failing = KIND_TESTS[name]
    for text in passing:
        assert value_of(f"{text} is {name}", **DATA) is True, text
        assert value_of(f"{text} is not {name}", **DATA) is False, text
    for text in failing:
        assert value_of(f"{text} is {name}", **DATA) is False, text


def test_every_test_but_those_of_days_is_covered_here() -> None:
    assert set(TESTS) - {"business_day", "weekend", "last_business_day_of_month"} == set(KIND_TESTS)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("n + t", "type"),
        ("n + z", "type"),
        ("l + t", "type"),
        ("t * 3", "type"),
        ("n - true", "type"),
        ("-t", "type"),
        ("+z", "type"),
        ("n / 0", "division"),
        ("n // 0.0", "division"),
        ("n // 0", "division"),
        ("n % 0", "division"),
        ("f % 0", "division"),
        ("n < t", "type"),
        ("true < false", "type"),
        ("l < l", "type"),
        ("t is even", "type"),
        ("f is odd", "type"),
        ("n[1:]", "type"),
        ("l['a':]", "type"),
        ("l[0.5:]", "argument"),
        ("1e300 * 1e300", "range"),
        ("huge * huge", "range"),
        ("1.5 // 1e-300", "range"),
        ("inf + 1", "range"),
        ("round(10000000000 * huge, -2)", "range"),
        ("round(vast, -2)", "range"),
        ("vaster + 1", "range"),
        ("odd_value == 1", "type"),
        ("odd_value ~ ''", "type"),
        ("not odd_value", "type"),
    ],
)
def test_error(text: str, kind: str) -> None:
    extra = {"huge": 10**300, "vast": 10**1000, "vaster": 10**5000, "inf": float("inf"), "odd_value": object()}
    assert error_of(text, **DATA, **extra) == kind


def test_tiny_numbers_become_zero_and_large_ones_stay_exact() -> None:
    assert value_of("1e-300 * 1e-300") == 0
    assert value_of("x", x=10**40 + 1) == 10**40 + 1
    assert value_of("x == y", x=10**40 + 1, y=10**40) is False
    assert value_of("x / 4", x=10) == 2.5
    assert str(value_of("-x", x=0.0)) == "0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("missing", [("undefined_value", "missing", (), 0)]),
        ("missing.a['b c'][0][-1]", [("undefined_value", "missing.a['b c'][0][-1]", (), 0)]),
        ("o[missing]", [("undefined_value", "missing", (), 2), ("undefined_value", "o", (), 1)]),
        ("o[t].deep", [("undefined_value", "o.text.deep", (), 4)]),
        ("(n).x", [("undefined_value", "n.x", (), 1)]),
        ("[1][5]", [("undefined_value", "(…)[5]", (), 3)]),
        ("missing == 5", [("undefined_value", "missing", (), 0)]),
        ("missing < 5", [("undefined_value", "missing", (), 0)]),
        ("z < missing", [("undefined_value", "missing", (), 4)]),
        ("missing < gone", [("undefined_value", "missing", (), 0), ("undefined_value", "gone", (), 10)]),
        ("z < 5", [("null_comparison", None, ("null", "number"), 2)]),
        ("missing ~ missing", [("undefined_value", "missing", (), 0), ("undefined_value", "missing", (), 10)]),
        ("not missing", [("undefined_value", "missing", (), 4)]),
        ("missing and n", [("undefined_value", "missing", (), 0)]),
        ("n and missing", [("undefined_value", "missing", (), 6)]),
        ("n or missing", []),
        ("1 if missing else 2", [("undefined_value", "missing", (), 5)]),
        ("(missing or n)|default(1)", [("undefined_value", "missing", (), 1)]),
        ("(n and missing)|default(1)", []),
        ("(missing if n else n) is defined", []),
        ("missing contains 'a'", [("undefined_value", "missing", (), 0)]),
        ("z contains 'a'", [("null_comparison", None, ("null", "text"), 2)]),
        ("t contains 5", [("type_mismatch", None, ("text", "number"), 2)]),
        ("t starts_with 5", [("type_mismatch", None, ("text", "number"), 2)]),
        ("missing ends_with 'a'", [("undefined_value", "missing", (), 0)]),
        ("l contains missing", [("undefined_value", "missing", (), 11)]),
        ("true == 'TRUE'", [("type_mismatch", None, ("boolean", "text"), 5)]),
        ("true == 'yes'", []),
        ("5 == 'five'", []),
        ("'5' == '05'", []),
        ("[5] == '5'", []),
        ("'no' or 'No'", [("type_mismatch", None, ("text", "boolean"), 0)]),
        ("missing == null", []),
        ("null != missing.x", []),
        ("missing is_empty", []),
        ("missing is string", [("undefined_value", "missing", (), 0)]),
        ("z is even", [("null_comparison", None, ("null", "number"), 5)]),
        ("{{missing|x}}", []),
        ("vars.missing", [("undefined_value", "missing", (), 0)]),
        ("'{{missing}}'", [("undefined_value", "missing", (), 3)]),
        (r"'\\\'{{missing}}'", [("undefined_value", "missing", (), 7)]),
        (r"'\u00e4{{missing}}'", [("undefined_value", "missing", (), 9)]),
        ("[missing, missing]", [("undefined_value", "missing", (), 1), ("undefined_value", "missing", (), 10)]),
        ("{'a': missing}", [("undefined_value", "missing", (), 6)]),
        ("missing[0:1]", [("undefined_value", "missing", (), 0)]),
        ("-(missing or 1)", [("undefined_value", "missing", (), 2)]),
    ],
)
def test_what_is_recorded(text: str, expected: list[Any]) -> None:
    assert recorded(text, **DATA) == expected


def test_condition_of_falsy_text_is_recorded_and_false() -> None:
    for text in ("false", "NO", "0"):
        scope = scope_of({"x": text})
        assert compile_condition("x").test(scope) is False
        assert [(one.kind, one.kinds) for one in scope.recorded] == [("type_mismatch", ("text", "boolean"))]


def test_values_that_are_not_text_stand_for_themselves() -> None:
    assert compile_expression([1, {"a": "{{x}}"}]).evaluate(scope_of({})) == [1, {"a": "{{x}}"}]
    assert compile_expression(5).constant
    assert compile_condition(0).test(scope_of({})) is False
    assert compile_condition([0]).test(scope_of({})) is True
    assert compile_condition(None).constant


def test_hint_of_adjacent_texts_is_the_other_quote() -> None:
    assert problem_of("x == 'it''s'").hint == '"it\'s"'


def test_problem_is_an_exception_with_a_message() -> None:
    with pytest.raises(ExpressionProblem, match="empty"):
        compile_expression("")
