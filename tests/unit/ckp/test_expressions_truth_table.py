"""The truth table of the language (CKP 3.7), row by row."""

from typing import Any

import pytest

from procedures.ckp.expressions import (
    EvaluationError,
    ExpressionProblem,
    Scope,
    compile_condition,
    compile_value,
)

W = {"type": "type_mismatch", "undefined": "undefined_value", "null": "null_comparison"}

CONDITIONS: list[tuple[str, dict[str, Any], bool, str | None]] = [
    ("{{n}} > 3", {"n": 5}, True, None),
    ("{{n}}>3", {"n": 1}, False, None),
    ("{{n}}<{{m}}and{{n}}>0", {"n": 1, "m": 2}, True, None),
    ("1 < x <= 10", {"x": 10}, True, None),
    ("{{n}} == '5'", {"n": 5}, False, "type"),
    ("{{s}} == 5", {"s": "5"}, False, "type"),
    ("s|int == 5", {"s": "5"}, True, None),
    ("'{{n}}' == '5'", {"n": 5}, True, None),
    ("true == 1", {}, False, None),
    ("1 == 1.0", {}, True, None),
    ("0.1 + 0.2 == 0.3", {}, True, None),
    ("total * 1.19 >= 119", {"total": 100}, True, None),
    ("status == 'approved'", {"status": "approved"}, True, None),
    ("flag", {"flag": True}, True, None),
    ("flag", {"flag": "false"}, False, "type"),
    ("{{a}} == 1 and {{b}} == 2", {"a": 1, "b": 2}, True, None),
    ("not {{t}}", {"t": True}, False, None),
    ("not a == b", {"a": 1, "b": 2}, True, None),
    ("not x is none", {"x": 1}, True, None),
    ("{{missing}}", {}, False, "undefined"),
    ("missing is defined", {}, False, None),
    ("is_empty {{missing}}", {}, True, None),
    ("{{missing}} is_empty", {}, True, None),
    ("{{missing|null}} == null", {}, True, None),
    ("{{z}} == null", {"z": None}, True, None),
    ("is_empty {{a}} and b", {"a": "", "b": True}, True, None),
    ("x|trim is_empty", {"x": "  "}, True, None),
    ("lst == null", {"lst": []}, False, None),
    ("n > 3 or boom", {"n": 5}, True, None),
    ("{{lst}} contains 2", {"lst": [1, 2]}, True, None),
    ("{{lst}} contains '2'", {"lst": [1, 2]}, False, "type"),
    ("2 in {{lst}}", {"lst": [1, 2]}, True, None),
    ("null in lst", {"lst": [1, None]}, True, None),
    ("'k' in obj", {"obj": {"k": 1}}, True, None),
    ("5 in code", {"code": "abc5"}, False, "type"),
    ("{{name}} contains 'Example Domain'", {"name": "An Example Domain"}, True, None),
    ("id starts_with 'INV-'", {"id": "INV-7"}, True, None),
    ("{{note}}", {"note": "5 > 3"}, True, None),
    ("{{v}} == 'y'", {"v": " x == x"}, False, None),
    ("{{a}} == {{b}}", {"a": "{{b}}", "b": "{{b}}"}, True, None),
    ("'10' < '9'", {}, True, None),
    ("float(amount) > 10000", {"amount": "12000"}, True, None),
    ("amount > 10000", {"amount": None}, False, "null"),
    ("items[5].sku == 'A1'", {"items": []}, False, "undefined"),
    ("items.0.sku == 'A1'", {"items": [{"sku": "A1"}]}, True, None),
    ("invoices.length > 10", {"invoices": [0] * 11}, True, None),
    ("invoices.sum(amount) > 100", {"invoices": [{"amount": 60}, {"amount": 50.5}]}, True, None),
    ("book.count > 0", {"book": {"count": 3}}, True, None),
    ("{{variables.r.route}} == 'legal'", {"r": {"route": "legal"}}, True, None),
    ("-7 // 2 == -4 and -7 % 3 == 2", {}, True, None),
    ("-x|abs == 3", {"x": 3}, True, None),
    ("a ~ b == '12'", {"a": 1, "b": 2}, True, None),
    ("items|selectattr('ok')|length > 0", {"items": [{"ok": True}]}, True, None),
    ("s == 'a' if m == 'x' else true", {"m": "y", "s": "n"}, True, None),
    (r"regex_match(po, '[A-Z]{2}-\d+')", {"po": "AB-12"}, True, None),
]

ERRORS: list[tuple[str, dict[str, Any], str]] = [
    ("amount > 10000", {"amount": "12000"}, "type"),
    ("confidence >= 0.8", {"confidence": "high"}, "type"),
    ("'a' + 1 == 'a1'", {}, "type"),
    ("5 / n > 1", {"n": 0}, "division"),
]

REFUSED: list[tuple[str, str, str | None]] = [
    ("a contains 'b' == true", "CKP403", None),
    ("x.upper() == 'A'", "CKP407", "x|upper"),
    ("name.__class__", "CKP406", None),
    ("2 ** 3 == 8", "CKP405", None),
    ("x = 1", "CKP402", "=="),
    ("a && b", "CKP402", "and"),
    ("x == 'it''s'", "CKP405", '"it\'s"'),
    ("", "CKP401", None),
]

VALUES: list[tuple[str, dict[str, Any], Any, str | None]] = [
    ("{{n}}", {"n": 5}, 5, None),
    (" {{n}}", {"n": 5}, " 5", None),
    ("{{o}}", {"o": {"a": [1, True, None]}}, {"a": [1, True, None]}, None),
    ("v={{o}}", {"o": {"a": [1, True, None]}}, 'v={"a":[1,true,null]}', None),
    ("{{missing}}", {}, None, "undefined"),
    ("[{{missing}}]", {}, "[]", "undefined"),
    ("{{missing|n/a}}", {}, "n/a", None),
    ("{{x|upper}}", {"x": "a"}, "A", None),
    ("{{a/b}}", {"a": 6, "b": 3}, 2, None),
    ("{{round(2.5)}} {{round(1.005,2)}}", {}, "3 1.01", None),
    ("{{list.avg(c)}}", {"list": [{"c": 1}, {"c": None}, {"c": 2}]}, 1.5, None),
    ("{{found[0] if found else 'No results'}}", {"found": []}, "No results", None),
    ("{{x}}", {"x": "{{y}}"}, "{{y}}", None),
    ('{"a":{{x}}}', {"x": 1}, '{"a":1}', None),
]


def recorded(scope: Scope) -> list[str]:
    return [record.kind for record in scope.recorded]


@pytest.mark.parametrize(("text", "variables", "expected", "kind"), CONDITIONS)
def test_condition(text: str, variables: dict[str, Any], expected: bool, kind: str | None) -> None:
    scope = Scope(variables)
    assert compile_condition(text).test(scope) is expected
    assert recorded(scope) == ([W[kind]] if kind else [])


@pytest.mark.parametrize(("text", "variables", "kind"), ERRORS)
def test_condition_that_fails(text: str, variables: dict[str, Any], kind: str) -> None:
    with pytest.raises(EvaluationError) as failed:
        compile_condition(text).test(Scope(variables))
    assert (failed.value.error_class, failed.value.kind) == ("expression_error", kind)


@pytest.mark.parametrize(("text", "code", "hint"), REFUSED)
def test_text_that_is_refused(text: str, code: str, hint: str | None) -> None:
    with pytest.raises(ExpressionProblem) as refused:
        compile_condition(text)
    assert (refused.value.code, refused.value.hint if hint else None) == (code, hint)


@pytest.mark.parametrize(("text", "variables", "expected", "kind"), VALUES)
def test_value(text: str, variables: dict[str, Any], expected: Any, kind: str | None) -> None:
    scope = Scope(variables)
    result = compile_value(text).render(scope)
    assert (type(result), result) == (type(expected), expected)
    assert recorded(scope) == ([W[kind]] if kind else [])


def test_older_default_is_noted_with_its_place() -> None:
    (note,) = compile_condition("{{missing|null}} == null").notes
    assert (note.code, note.offset) == ("CKP414", 10)
    assert [note.code for note in compile_value("{{missing|n/a}}").notes] == ["CKP414"]


def test_bare_word_is_read_as_a_variable_at_its_place() -> None:
    reads = compile_condition("{{status}} == approved").reads
    assert [(read.path, read.offset) for read in reads] == [(("status",), 2), (("approved",), 14)]
