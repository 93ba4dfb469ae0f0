"""What holds for every text and every value: named errors only, JSON in and JSON out, limits."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from procedures.ckp.expressions import (
    FUNCTIONS,
    TESTS,
    EvaluationError,
    ExpressionProblem,
    compile_condition,
    compile_expression,
    compile_text,
    compile_value,
)
from procedures.ckp.mappings import compile_mapping
from procedures.ckp.operations import OPERATIONS, OperationError, run_operation
from procedures.ckp.values import canonical_json, kind_of
from tests.unit.ckp.evaluating import scope_of, value_of

NAMES = ["a", "b", "rows", "obj", "text", "n", "missing", "today", "vars.a", "secrets.k", "loop", "__class__", "self"]
SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["2026-02-09", "5", "true", "no", "{{a}}", "[1]", "a.b", ""])
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "0", "length", "__class__", ""]), inner, max_size=4)
    ),
    max_leaves=10,
)
VARIABLES = st.fixed_dictionaries(dict.fromkeys(("a", "b", "rows", "obj", "text", "n"), JSON))

WORDS = """and or not in is if else contains not_contains is_empty starts_with ends_with true none null for endfor
endif raw endraw elif x ü"""
SIGNS = """== != < <= > >= = + - * / // % ** ~ | . , : ( ) [ ] { } {{ }} {% %} {# #} -%} ' " \\ \\u00e4 1 0 2.5 1e3
'x' "y" '{{a}}' $ &&"""
TOKENS = st.sampled_from([*NAMES, *FUNCTIONS, *TESTS, *WORDS.split(), *SIGNS.split(), " ", "\n", "\x00", "\ud800"])
TEXTS = st.lists(TOKENS, max_size=25).map(" ".join) | st.lists(TOKENS, max_size=25).map("".join) | st.text(max_size=40)


ATOMS = st.sampled_from(
    ["a", "b", "rows", "obj", "text", "n", "missing", "a.b", "rows[0].a", "obj['a']", "null", "true", "5", "2.5", "''",
     "'2026-02-09'", "'a.b'", "[1, 'x']", "{'a': 1}", "today", "rows.length", "rows.sum(a)", "{{a|x y}}", "'n={{n}}'"]
)  # fmt: skip
OPERATORS = st.sampled_from(
    ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">=", "in", "not in", "contains", "starts_with", "and", "or"]
)
EXPRESSIONS: st.SearchStrategy[str] = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, OPERATORS, inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(inner, st.sampled_from(sorted(FUNCTIONS))).map(lambda parts: f"{parts[0]}|{parts[1]}"),
        st.tuples(inner, st.sampled_from(sorted(TESTS))).map(lambda parts: f"({parts[0]} is {parts[1]})"),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, min_size=1, max_size=3)).map(
            lambda parts: f"{parts[0]}({', '.join(parts[1])})"
        ),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        st.tuples(inner, inner).map(lambda parts: f"[{parts[0]}, {parts[1]}][{parts[1]}]"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"(-{part})"),
        inner.map(lambda part: f"{part}[1:]"),
    ),
    max_leaves=8,
)


def outcome(action: Any) -> Any:
    """What an action gives, or the named error it ends with."""
    try:
        return action()
    except (ExpressionProblem, EvaluationError, OperationError) as error:
        return error


@given(TEXTS, VARIABLES)
@settings(max_examples=400)
def test_any_text_gives_json_or_a_named_error(text: str, variables: dict[str, Any]) -> None:
    scope = scope_of(variables)
    for action in (
        lambda: compile_expression(text).evaluate(scope),
        lambda: compile_condition(text).test(scope),
        lambda: compile_value({"k": [text]}).render(scope),
        lambda: compile_text(text).render(scope),
        lambda: compile_mapping(text).take(variables["a"], scope),
    ):
        result = outcome(action)
        if isinstance(result, ExpressionProblem):
            assert result.code.startswith("CKP")
            assert result.offset is not None
            assert 0 <= result.offset <= len(text)
        elif not isinstance(result, Exception):
            canonical_json(result)


@given(EXPRESSIONS, VARIABLES)
@settings(max_examples=500)
def test_any_expression_over_any_data_gives_json_or_a_named_error(text: str, variables: dict[str, Any]) -> None:
    before = canonical_json(variables)
    scope = scope_of(variables)
    result = outcome(lambda: compile_expression(text).evaluate(scope))
    if isinstance(result, EvaluationError):
        assert result.kind in ("type", "argument", "division", "range", "limit")
        assert result.offset is not None
    elif not isinstance(result, ExpressionProblem):
        canonical_json(result)
        strict = outcome(lambda: compile_expression(text).evaluate(scope_of(variables, strict=True)))
        undefined = any(one.kind == "undefined_value" for one in scope.recorded)
        assert isinstance(strict, EvaluationError) is undefined
    assert canonical_json(variables) == before
    places = [(one.kind, one.offset) for one in scope.recorded]
    assert len(places) == len(set(places))


@given(EXPRESSIONS, VARIABLES)
@settings(max_examples=150)
def test_the_same_expression_means_the_same_wherever_it_stands(text: str, variables: dict[str, Any]) -> None:
    alone = outcome(lambda: compile_expression(text).evaluate(scope_of(variables)))
    if isinstance(alone, ExpressionProblem):
        return
    for wrapped in (f"({text})", f"{{{{ {text} }}}}"):
        again = outcome(lambda text=wrapped: compile_expression(text).evaluate(scope_of(variables)))
        assert _comparable(again) == _comparable(alone)
    value = outcome(lambda: compile_value(f"{{{{ {text} }}}}").render(scope_of(variables)))
    assert _comparable(value) == _comparable(alone)
    if not isinstance(alone, EvaluationError):
        shown = compile_text(f"{{{{ {text} }}}}").render(scope_of(variables))
        assert shown == compile_expression("x ~ ''").evaluate(scope_of({"x": alone}))


def _comparable(result: Any) -> Any:
    return result.kind if isinstance(result, EvaluationError) else canonical_json(result)


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(JSON, min_size=0, max_size=4))
@settings(max_examples=700)
def test_functions_take_any_arguments(name: str, arguments: list[Any]) -> None:
    names = [f"x{index}" for index in range(len(arguments))]
    variables = dict(zip(names, arguments, strict=True))
    result = outcome(lambda: compile_expression(f"{name}({', '.join(names)})").evaluate(scope_of(variables)))
    if not isinstance(result, Exception):
        canonical_json(result)


OPERATION_FIELDS = st.fixed_dictionaries(
    {"action": st.sampled_from(sorted(OPERATIONS)), "output_variable": st.just("out")},
    optional={
        "source": st.sampled_from(["a", "rows", "text", "{{obj}}", "{{rows}}", "x"]) | JSON,
        "expression": EXPRESSIONS | st.sampled_from(["count, sum(a)", "a", "-a, b", "a == b", "$.a", "avg"]),
        "variable": st.sampled_from(["a", "a.b", "rows.0.a", "x.y.z"]),
        "array": st.sampled_from(["a", "rows", "new"]),
        "value": JSON,
        "template": TEXTS,
        "target_type": st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "date", "file"]),
        "pattern": st.sampled_from(["a", "(a)(b)?", "(", ".*"]),
        "all": st.booleans(),
        "group": st.integers(0, 3),
        "with": st.sampled_from(["rows", "a"]),
        "how": st.sampled_from(["inner", "left", "full"]),
        "fields": st.dictionaries(st.sampled_from(["p", "q"]), EXPRESSIONS, max_size=2),
        "initial": JSON,
        "group_by": st.sampled_from(["a", "a,b", ["a"]]),
        "index": st.just("a"),
        "columns": st.just("b"),
        "values": st.just("length"),
        "agg": st.sampled_from(["sum", "count", "list", "median"]),
        "key": st.just("a"),
        "descending": st.booleans(),
        "schema": st.sampled_from([{}, {"type": "object"}, False]),
        "algorithm": st.sampled_from(["sha256", "sha512", "hmac-sha256"]),
        "message": TEXTS,
        "on_error": st.sampled_from(["fail", "null"]),
    },
)


@given(OPERATION_FIELDS, VARIABLES)
@settings(max_examples=700)
def test_operations_take_any_fields(operation: dict[str, Any], variables: dict[str, Any]) -> None:
    before = canonical_json(variables)
    result = outcome(lambda: run_operation(operation, scope_of(variables)))
    if isinstance(result, dict):
        canonical_json(result)
    assert canonical_json(variables) == before


NUMBERS = st.integers(-(10**9), 10**9) | st.decimals(-(10**6), 10**6, places=4).map(float)


@given(NUMBERS, NUMBERS)
def test_arithmetic_is_that_of_decimals(x: float, y: float) -> None:
    left, right = Decimal(repr(x)), Decimal(repr(y))
    for sign, exact in (("+", left + right), ("-", left - right), ("*", left * right)):
        assert value_of(f"x {sign} y", x=x, y=y) == (int(exact) if exact == int(exact) else float(exact))
    assert value_of("x < y", x=x, y=y) == (left < right)
    assert value_of("x == y", x=x, y=y) == (left == right)
    if right:
        assert value_of("(x // y) * y + x % y == x", x=x, y=y) is True
        assert value_of("x % y == 0 or (x % y < 0) == (y < 0)", x=x, y=y) is True


@given(st.lists(JSON, max_size=8))
def test_sorting_keeps_every_element_in_the_order_of_kinds(values: list[Any]) -> None:
    ordered = value_of("sort(l)", l=values)
    assert sorted(map(canonical_json, ordered)) == sorted(map(canonical_json, values))
    ranks = ["boolean", "number", "text", "list", "object", "null"]
    found = [ranks.index(kind_of(value)) for value in ordered]
    assert found == sorted(found)
    unique = [canonical_json(value) for value in value_of("unique(l)", l=values)]
    assert unique == list(dict.fromkeys(map(canonical_json, values)))


@given(JSON)
def test_json_goes_out_and_comes_back(value: Any) -> None:
    assert canonical_json(value_of("fromjson(tojson(x))", x=value)) == canonical_json(value)
    assert value_of("x == fromjson(tojson(x))", x=value) is True


@given(st.text(max_size=60).filter(lambda text: "{{" not in text))
def test_text_without_placeholder_stays_as_it_is(text: str) -> None:
    assert compile_value(text).render(scope_of({})) == text
    if "{%" not in text and "{#" not in text:
        assert compile_text(text).render(scope_of({})) == text


@given(JSON)
def test_data_never_becomes_syntax(value: Any) -> None:
    assert canonical_json(compile_value("{{x}}").render(scope_of({"x": value}))) == canonical_json(value)
    text = compile_value(">{{x}}<").render(scope_of({"x": value}))
    assert text == f">{value_of('x ~ chr', x=value, chr='')}<"
