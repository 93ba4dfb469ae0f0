"""Mappings take parts of results (CKP 3.6)."""

from typing import Any

import pytest

from procedures.ckp.expressions import EvaluationError, ExpressionProblem, Recorded, Scope
from procedures.ckp.failures import OperationError
from procedures.ckp.mappings import compile_mapping

INVOICE = (
    '<inv no="7"><lines><line sku="A"><q>1</q></line><line sku="B"><q>2</q> x</line></lines><line>last</line></inv>'
)

FOUND: list[tuple[str, Any, Any]] = [
    ("text", "abc", "abc"),
    ("raw", {"a": 1}, {"a": 1}),
    ("content", None, None),
    ("llm_response", "x", "x"),
    ("json:a.b[0].c", '{"a":{"b":[{"c":5}]}}', 5),
    ("json_extract: a", {"a": None}, None),
    ("$", [1], [1]),
    ("$.a", {"a": 1}, 1),
    ("$['a b'][-1]", {"a b": [1, 2]}, 2),
    ('$["x*y"]', {"x*y": 3}, 3),
    ("json:0", [4], 4),
    ("json:items.0.sku", {"items": [{"sku": "s"}]}, "s"),
    ("$.a[*].b", {"a": [{"b": 1}, {}, {"b": 3}]}, [1, None, 3]),
    ("$.a[*].b[*]", {"a": [{"b": [1, 2]}, {}, {"b": [3]}]}, [1, 2, 3]),
    ("$.*", {"a": 1, "b": 2}, [1, 2]),
    (r"regex: no (\d+)", "invoice no 12", "12"),
    (r"regex:\d+", "invoice no 12", "12"),
    (r'regex: "a":(\d)', {"a": 5}, "5"),
    ("xpath: /inv/@no", INVOICE, "7"),
    ("xpath: //line[@sku='B']/q", INVOICE, "2"),
    ("xpath: //line[2]/q/text()", INVOICE, "2"),
    ("xpath: //line[2]", INVOICE, "2 x"),
    ("xpath: /inv/line", INVOICE, "last"),
    ("xpath: /*/*[1]/*/@sku", INVOICE, "A"),
    ("xpath: //line//@sku", INVOICE, "A"),
    ("xpath: //text()", INVOICE, "1"),
]
MISSING: list[tuple[str, Any]] = [
    ("json:a.b", {"a": {}}),
    ("$.a[*]", {"a": 5}),
    ("$[3]", [1]),
    ("regex: (z)", "abc"),
    ("xpath: //nothing", INVOICE),
    ("xpath: /inv/@nothing", INVOICE),
    ("xpath: /inv/lines/text()", INVOICE),
]
REFUSED: list[tuple[str, str, int]] = [
    ("", "CKP415", 0),
    ("amount", "CKP415", 0),
    ("json:", "CKP415", 5),
    ("json:a..b", "CKP415", 6),
    ("json:.a", "CKP415", 5),
    ("json:a b", "CKP415", 6),
    ("$.", "CKP415", 1),
    ("$[*", "CKP415", 1),
    ("regex: (", "CKP409", 7),
    ("xpath: inv", "CKP415", 7),
    ("xpath: /a/text()/b", "CKP415", 16),
    ("xpath: /a[0]", "CKP415", 9),
    ("xpath: /a[b]", "CKP415", 9),
]


@pytest.mark.parametrize(("source", "result", "expected"), FOUND)
def test_part_is_taken(source: str, result: Any, expected: Any) -> None:
    scope = Scope({})
    assert compile_mapping(source).take(result, scope) == expected
    assert scope.recorded == []


@pytest.mark.parametrize(("source", "result"), MISSING)
def test_missing_part_is_null_and_recorded(source: str, result: Any) -> None:
    scope = Scope({})
    assert compile_mapping(source).take(result, scope) is None
    assert scope.recorded == [Recorded("undefined_value", source, (), 0)]


def test_missing_part_fails_in_strict_mode() -> None:
    with pytest.raises(EvaluationError) as failed:
        compile_mapping("json:a").take({}, Scope({}, strict=True))
    assert failed.value.error_class == "undefined_value"


@pytest.mark.parametrize(("source", "code", "offset"), REFUSED)
def test_mapping_that_is_refused(source: str, code: str, offset: int) -> None:
    with pytest.raises(ExpressionProblem) as refused:
        compile_mapping(source)
    assert (refused.value.code, refused.value.offset) == (code, offset)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("json:a", "no json"),
        ("json:a", '{"a": NaN}'),
        ("json:a", "[" * 500 + "]" * 500),
        ("json:a", "[" * 100_000),
        ("xpath: /a", "<a>"),
        ("xpath: /a", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'),
        ("xpath: /a", "<a>" * 500 + "</a>" * 500),
        ("regex: ((a{1,100}){1,9}b)+", "a" * 1_000_000),
    ],
)
def test_result_that_cannot_be_read(source: str, result: str) -> None:
    mapping = compile_mapping(source)
    with pytest.raises(OperationError) as failed:
        mapping.take(result, Scope({}))
    assert failed.value.error_class == "invalid_value"
    with pytest.raises(OperationError) as failed:
        mapping.take(result, Scope({}), from_model=True)
    assert failed.value.error_class == "llm_output_invalid"
