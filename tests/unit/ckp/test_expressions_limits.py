"""Limits of one evaluation (CKP 3.4): steps, memory, text, CPU time, depth."""

import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from procedures.ckp.expressions import (
    EvaluationError,
    ExpressionProblem,
    Scope,
    compile_condition,
    compile_expression,
    compile_text,
    compile_value,
)
from tests.unit.ckp.evaluating import error_of, problem_of, scope_of, value_of


def nested(levels: int, inside: Any = None) -> Any:
    """Lists inside lists."""
    value: Any = [inside]
    for _ in range(levels):
        value = [value]
    return value


def frames_left() -> int:
    """How many calls the stack still takes, about."""
    return sys.getrecursionlimit() - len(traceback.extract_stack())


@pytest.mark.parametrize(
    "text",
    [
        "long ~ long",
        "long + long",
        "'{{long}}{{long}}'",
        "[long, long]|join",
        "['', '', '']|join(long)",
        "long|replace('x', 'yy')",
        "[long, long]|tojson",
        "string([long, long])",
        "huge|upper",
    ],
)
def test_text_of_more_than_a_mebibyte(text: str) -> None:
    assert error_of(text, long="x" * 600_000, huge="x" * 1_100_000) == "limit"


def test_long_texts_of_variables_pass_untouched() -> None:
    huge = "x" * 3_000_000
    assert value_of("huge", huge=huge) is huge
    assert value_of("huge.length", huge=huge) == 3_000_000
    assert value_of("huge[:3]", huge=huge) == "xxx"
    assert value_of("many[2:4]", many=list(range(2_000_000))) == [2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "many + many + many + many",
        "[many[1:], many[2:], many[3:], many[4:]]",
        "long|split('x')",
        "fromjson(wide)",
        "[" + "a ~ b," * 18 + "]",
    ],
)
def test_more_than_16_mebibytes_made(text: str) -> None:
    variables = {
        "many": [0] * 300_000,
        "long": "x" * 500_000,
        "wide": "[" + ",".join(["{}"] * 100_000) + "]",
        "a": "x" * 500_000,
        "b": "y" * 500_000,
    }
    assert error_of(text, **variables) == "limit"


@pytest.mark.parametrize(
    "text",
    [
        "many contains -1",
        "many == other",
        "many|sum",
        "many|selectattr('a', '==', 1)|length",
        "business_days_between('0001-01-01', '9000-01-01')",
    ],
)
def test_more_than_100_000_steps(text: str) -> None:
    many = [1] * 3_300_000
    assert error_of(text, many=many, other=[*many]) == "limit"


def test_steps_are_counted_for_native_work_too() -> None:
    with pytest.raises(EvaluationError, match="100000 steps"):
        value_of(" or ".join(["t contains 'z'"] * 100), t="x" * 1_048_000)


def test_typical_condition_takes_microseconds() -> None:
    condition = compile_condition("{{amount}} > 1000 and status == 'approved' or vendor.tags contains 'fast'")
    scope = scope_of({"amount": 500, "status": "approved", "vendor": {"tags": ["slow", "fast"]}})
    assert condition.test(scope) is True

    def seconds() -> float:
        start = time.thread_time()
        for _ in range(500):
            condition.test(scope)
        return time.thread_time() - start

    assert min(seconds() for _ in range(5)) / 500 < 0.000_05


def test_cpu_time_is_bounded() -> None:
    objects = [{"a": {"b": [number]}} for number in range(100_000)]
    expression = compile_expression(" + ".join(["(l|unique('a')).length"] * 6))
    start = time.thread_time()
    with pytest.raises(EvaluationError) as failed:
        expression.evaluate(Scope({"l": objects}))
    assert failed.value.kind == "limit"
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize("text", ["x == y", "x ~ ''", "x|tojson", "[x]|unique", "[x, y]|sort", "[x] == [y]"])
def test_depth_of_values(text: str) -> None:
    assert error_of(text, x=nested(200), y=nested(200)) == "limit"
    assert value_of(text, x=nested(100), y=nested(100)) is not None


def test_large_lists_are_sorted_in_pieces() -> None:
    numbers = [(number * 7919) % 10_007 for number in range(2_000)]
    assert value_of("sort(l)", l=numbers) == sorted(numbers)
    assert value_of("sort(l, reverse=true)", l=numbers) == sorted(numbers, reverse=True)
    rows = [{"k": number % 3, "n": number} for number in range(2_000)]
    assert value_of("l|sort('k')", l=rows) == sorted(rows, key=lambda row: row["k"])
    assert value_of("l|sort('k', true)", l=rows) == sorted(rows, key=lambda row: row["k"], reverse=True)


def test_patterns_are_bounded_by_size_and_text() -> None:
    text = "a" * 400_000
    assert error_of("regex_search(t, '(a|b)*a(a|b){30}c')", t=text) == "limit"
    assert value_of("regex_search(t, 'b')", t=text) is False


def test_nesting_that_is_just_allowed() -> None:
    assert value_of("(" * 32 + "1" + ")" * 32) == 1
    assert value_of("not " * 32 + "1") is True
    assert value_of("-" * 32 + "1") == 1
    assert problem_of("'{{ " + "(" * 32 + "1" + ")" * 32 + " }}'").code == "CKP404"
    assert value_of("'{{ " + "(" * 31 + "1" + ")" * 31 + " }}'") == "1"


def test_deep_callers_get_a_named_error() -> None:
    inner = "x"
    for _ in range(30):
        inner = f"(not -{inner}|abs + 1 == 4)"

    def called(levels: int) -> Any:
        return called(levels - 1) if levels else problem_of(f"{inner} or {time.perf_counter()}")

    assert called(frames_left() - 180).code == "CKP404"


def test_evaluation_too_deep_for_the_stack_gets_a_named_error() -> None:
    expression = compile_expression("(" * 25 + "x" + "[0]|default(0))" * 25)
    condition = compile_condition("x" + "|default(0)" * 55)

    def called(levels: int, action: Callable[[], Any]) -> Any:
        return called(levels - 1, action) if levels else action()

    for action in (lambda: expression.evaluate(scope_of({})), lambda: condition.test(scope_of({}))):
        assert action() is not None
        with pytest.raises(EvaluationError) as failed:
            called(frames_left() - 40, action)
        assert failed.value.kind == "limit"


def test_expression_inside_a_template_has_the_limit_of_an_expression() -> None:
    for compiler in (compile_value, compile_text):
        with pytest.raises(ExpressionProblem) as refused:
            compiler("text {{ 1" + " " * 10_000 + "}}")
        assert (refused.value.code, refused.value.offset) == ("CKP404", 7)


@pytest.mark.parametrize("text", ["rows|map(p)", "rows|sort(p)", "rows|selectattr(p)"])
def test_paths_of_any_length(text: str) -> None:
    for path in ("9" * 5_000, "[0]" * 1_000, "a." * 1_000 + "a"):
        assert value_of(text, rows=[], p=path) == []
    assert error_of(text, rows=[], p=f"[{'9' * 5_000}]") == "argument"
