"""Transformations of lists and values (CKP 2.7)."""

from typing import Any

import pytest

from procedures.ckp.expressions import EvaluationError
from procedures.ckp.operations import OperationError, run_operation, run_transformations
from tests.unit.ckp.evaluating import scope_of

ROWS: list[Any] = [
    {"amount": 10, "confidence_score": 0.5, "status": "failed"},
    {"amount": 2.5, "confidence_score": None},
    {"status": "completed"},
]


def transform(type_: str, source: Any, /, **fields: Any) -> Any:
    """Result of one transformation of a source, the same as operation and with its fields in params."""
    variables = {"rows": source, "status": "failed", "limit": 5}
    flat = {"type": type_, "source_variable": "rows", "output_variable": "out", **fields}
    result = run_transformations([flat], scope_of(variables))["out"]
    expression = {"expression": fields.pop("expression")} if "expression" in fields else {}
    nested = {"type": type_, "source_variable": "rows", "output_variable": "out", "params": fields, **expression}
    assert run_transformations([nested], scope_of(variables))["out"] == result
    operation = {"action": type_, "source": "rows", "output_variable": "out", "params": {**fields, **expression}}
    assert run_operation(operation, scope_of(variables)) == {"out": result}
    return result


def failure(type_: str, source: Any, /, **fields: Any) -> str:
    """Error class that a transformation fails with."""
    transformation = {"type": type_, "source_variable": "rows", "output_variable": "out", **fields}
    with pytest.raises((OperationError, EvaluationError)) as failed:
        run_transformations([transformation], scope_of({"rows": source}))
    assert failed.value.message
    return failed.value.error_class


def test_the_example_of_the_language() -> None:
    assert transform("aggregate", ROWS, expression="count, sum(amount), avg(confidence_score)") == {
        "count": 3,
        "sum_amount": 12.5,
        "avg_confidence_score": 0.5,
    }
    assert transform("filter", ROWS, expression="status == 'failed'") == [ROWS[0]]
    assert transform("sort", ROWS, expression="-amount") == ROWS


class TestRows:
    def test_filter(self) -> None:
        assert transform("filter", [1, 7, 3], expression="item > 2 and index < 2") == [7]
        assert transform("filter", ROWS, expression="{{item.amount}} > limit") == [ROWS[0]]
        assert transform("filter", ROWS, expression="{{amount}} is none") == [ROWS[2]]
        assert transform("filter", ROWS, expression=True) == ROWS
        assert transform("filter", None, expression="item") == []

    def test_column_hides_the_variable_and_vars_reaches_it(self) -> None:
        assert transform("filter", ROWS, expression="status == vars.status") == [ROWS[0]]
        assert transform("map", ROWS, expression="status") == ["failed", None, "completed"]
        assert transform("map", [5], expression="status") == ["failed"]

    def test_map(self) -> None:
        assert transform("map", ROWS, expression="(amount or 0) * 2") == [20, 5, 0]
        assert transform("map", ROWS, fields={"a": "amount", "i": "index + 1", "c": 5}) == [
            {"a": 10, "i": 1, "c": 5},
            {"a": 2.5, "i": 2, "c": 5},
            {"a": None, "i": 3, "c": 5},
        ]
        assert transform("map", [[1, 2]], expression="item[1]") == [2]

    def test_reduce(self) -> None:
        assert transform("reduce", [1, 2, 3], expression="(acc or 0) + item") == 6
        assert transform("reduce", ROWS, expression="acc ~ index", initial="{{status}}") == "failed012"
        assert transform("reduce", [], expression="acc", initial=[]) == []
        assert transform("reduce", [], expression="acc") is None

    def test_error_names_the_element(self) -> None:
        with pytest.raises(EvaluationError, match="Element 1") as failed:
            run_transformations(
                [{"type": "map", "source_variable": "l", "expression": "1 / item", "output_variable": "o"}],
                scope_of({"l": [1, 0]}),
            )
        assert failed.value.kind == "division"

    @pytest.mark.parametrize("type_", ["filter", "map", "reduce", "aggregate", "sort", "unique"])
    def test_source_must_be_a_list(self, type_: str) -> None:
        for source in ("text", 5, {"a": 1}):
            assert failure(type_, source, expression="count") == "not_a_list"

    def test_undefined_source_is_an_empty_list_and_recorded(self) -> None:
        scope = scope_of({})
        transformation = {"type": "map", "source_variable": "gone", "expression": "item", "output_variable": "o"}
        assert run_transformations([transformation], scope) == {"o": []}
        assert [(one.name, one.pointer) for one in scope.recorded] == [("gone", "/0/source_variable")]


class TestJoin:
    LEFT = [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": None, "v": "c"}]
    RIGHT = [{"key": 1, "v": "x"}, {"key": 1.0, "w": 5}, {"key": 3, "v": "z"}, {"v": "no key"}]

    def test_inner(self) -> None:
        assert transform("join", self.LEFT, expression="id == key", **{"with": self.RIGHT}) == [
            {"id": 1, "v": "a", "key": 1, "right_v": "x"},
            {"id": 1, "v": "a", "key": 1.0, "w": 5},
        ]

    def test_left_and_full(self) -> None:
        left = transform("join", self.LEFT, expression="id == key", how="left", prefix="r_", **{"with": self.RIGHT})
        assert left[2:] == [{"id": 2, "v": "b"}, {"id": None, "v": "c"}]
        full = transform("join", self.LEFT, expression="id == key", how="full", prefix="r_", **{"with": self.RIGHT})
        assert full[4:] == [{"key": 3, "r_v": "z"}, {"r_v": "no key"}]

    def test_one_key_for_both(self) -> None:
        assert transform("join", [{"id": 1}], expression="id", **{"with": [{"id": 1, "x": 2}]}) == [
            {"id": 1, "right_id": 1, "x": 2}
        ]

    def test_right_side_may_be_a_variable(self) -> None:
        joined = run_transformations(
            [{"type": "join", "source_variable": "a", "expression": "k", "with": "b", "output_variable": "o"}],
            scope_of({"a": [{"k": {"n": 1}}], "b": [{"k": {"n": 1.0}, "x": 1}]}),
        )
        assert joined == {"o": [{"k": {"n": 1}, "right_k": {"n": 1.0}, "x": 1}]}

    def test_failures(self) -> None:
        assert failure("join", [1], expression="a", **{"with": []}) == "invalid_value"
        assert failure("join", [], expression="a", **{"with": "{{5}}"}) == "not_a_list"
        assert failure("join", [], expression="a", how="outer", **{"with": []}) == "invalid_value"
        assert failure("join", [], expression="a..b", **{"with": []}) == "invalid_value"
        many = [{"k": 1}] * 400
        assert failure("join", many, expression="k", **{"with": many}) == "result_too_large"


class TestAggregate:
    NUMBERS = [3, None, 1, 2.5, 3]

    @pytest.mark.parametrize(
        ("function", "expected", "of_nothing"),
        [
            ("count", 5, 0),
            ("sum", 9.5, 0),
            ("avg", 2.375, None),
            ("min", 1, None),
            ("max", 3, None),
            ("median", 2.75, None),
            ("first", 3, None),
            ("last", 3, None),
            ("list", [3, 1, 2.5, 3], []),
            ("distinct", 3, 0),
        ],
    )
    def test_functions(self, function: str, expected: Any, of_nothing: Any) -> None:
        assert transform("aggregate", self.NUMBERS, expression=function) == expected
        assert transform("aggregate", [], expression=function) == of_nothing
        rows = [{"v": {"n": number}} for number in self.NUMBERS]
        column = 4 if function == "count" else expected
        assert transform("aggregate", rows, expression=f"{function}(v.n)") == column
        assert transform("aggregate", rows, op=function, field="v.n") == column

    def test_names(self) -> None:
        rows = [{"a": {"b": 1}}, {"a": {"b": 3}}]
        assert transform("aggregate", rows, expression="median(a.b), sum( a.b ) as total, count") == {
            "median_a_b": 2,
            "total": 4,
            "count": 2,
        }
        assert transform("aggregate", rows, expression=["max(a.b)", "min(a.b) as least"]) == {"max_a_b": 3, "least": 1}
        assert transform("aggregate", rows, op="count") == 2

    def test_median_of_an_odd_number_of_values(self) -> None:
        assert transform("aggregate", [9, 1, 5], expression="median") == 5

    def test_groups_come_in_order_of_first_appearance(self) -> None:
        rows = [{"g": "b", "n": 1}, {"g": "a", "n": 2}, {"g": "b", "n": 3}, {"n": 9}]
        assert transform("aggregate", rows, expression="sum(n)", group_by="g") == [
            {"g": "b", "sum_n": 4},
            {"g": "a", "sum_n": 2},
            {"g": None, "sum_n": 9},
        ]
        assert transform("aggregate", rows, expression="count", group_by=["g", "x.y"])[0] == {
            "g": "b",
            "x_y": None,
            "count": 2,
        }
        assert transform("aggregate", [], expression="count", group_by=["g"]) == []

    @pytest.mark.parametrize("expression", ["", "summ(a)", "sum(a", "sum(a), sum(a)", ["", "count"], [], "count as 5"])
    def test_expressions_that_fail(self, expression: Any) -> None:
        assert failure("aggregate", [], expression=expression) == "invalid_value"

    def test_values_that_fail(self) -> None:
        assert failure("aggregate", ["a"], expression="sum") == "invalid_value"
        assert failure("aggregate", ["a"], expression="median") == "invalid_value"
        assert failure("aggregate", [1, "a"], expression="max") == "invalid_value"
        assert failure("aggregate", [], op="total") == "invalid_value"
        assert failure("aggregate", []) == "invalid_value"
        assert failure("aggregate", [], expression="count", group_by=["a", " "]) == "invalid_value"


class TestPivot:
    def test_pivot(self) -> None:
        rows = [
            {"v": "B", "m": 1, "n": 5},
            {"v": "A", "m": 2, "n": 1},
            {"v": "B", "m": 1, "n": 2},
            {"v": "A", "m": None, "n": 3},
        ]
        assert transform("pivot", rows, index="v", columns="m", values="n") == [
            {"v": "B", "1": 7, "2": None, "null": None},
            {"v": "A", "1": None, "2": 1, "null": 3},
        ]
        assert transform("pivot", rows, index="v", columns="v", values="n", agg="count")[0] == {
            "v": "B",
            "B": 2,
            "A": None,
        }

    def test_failures(self) -> None:
        assert failure("pivot", [], index="a", columns="b") == "invalid_value"
        assert failure("pivot", [], index="a", columns="b", values="c", agg="total") == "invalid_value"
        assert failure("pivot", [{"b": "a"}], index="a", columns="b", values="c") == "invalid_value"
        wide = [{"i": number, "c": number} for number in range(1_001)]
        assert failure("pivot", wide, index="i", columns="c", values="c") == "result_too_large"


class TestOrder:
    def test_sort(self) -> None:
        rows = [{"v": "b", "n": 1}, {"v": "a", "n": 1}, {"v": "a", "n": 2}, {"v": None, "n": 3}]
        assert transform("sort", rows, expression="v, -n") == [rows[2], rows[1], rows[0], rows[3]]
        assert transform("sort", rows, expression=["-v", "n"]) == [rows[0], rows[1], rows[2], rows[3]]
        assert transform("sort", rows, key="n", descending=True) == [rows[3], rows[2], rows[0], rows[1]]

    def test_sort_of_kinds(self) -> None:
        mixed: list[Any] = [{"a": 1}, None, [1], "text", 2, True, False, 1.5]
        assert transform("sort", mixed) == [False, True, 1.5, 2, "text", [1], {"a": 1}, None]
        assert transform("sort", mixed, descending=True) == [{"a": 1}, [1], "text", 2, 1.5, True, False, None]

    def test_unique(self) -> None:
        assert transform("unique", [1, 1.0, "1", {"a": 1, "b": 2}, {"b": 2.0, "a": 1}, None, None]) == [
            1,
            "1",
            {"a": 1, "b": 2},
            None,
        ]
        rows = [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1, "b": 1, "c": 1}]
        assert transform("unique", rows, expression="a") == [rows[0], rows[2]]
        assert transform("unique", rows, expression=["a", "b"]) == rows[:3]

    def test_failures(self) -> None:
        assert failure("sort", [1], expression="a..b") == "invalid_value"
        assert failure("sort", [1], expression=" , ") == "invalid_value"
        assert failure("unique", [object()]) == "invalid_value"
        deep: Any = 1
        for _ in range(200):
            deep = [deep]
        assert failure("unique", [deep]) == "invalid_value"


class TestValues:
    def test_expression(self) -> None:
        assert transform("expression", ROWS, expression="value|length + limit") == 8
        assert transform("expression", "text", expression="value ~ '!'") == "text!"

    def test_template(self) -> None:
        assert (
            transform("template", ROWS, expression="{% for r in value %}{{r.amount|none}},{% endfor %}")
            == "10,2.5,none,"
        )

    def test_json_path(self) -> None:
        assert transform("json_path", ROWS, expression="$[*].amount") == [10, 2.5, None]
        assert transform("json_path", '{"a": 1}', expression="json:a") == 1
        assert failure("json_path", "{", expression="$.a") == "invalid_value"
        assert failure("json_path", {}, expression="a b") == "invalid_value"

    def test_source_may_be_an_expression_or_absent(self) -> None:
        changes = run_transformations(
            [
                {"type": "expression", "source_variable": "rows|length", "expression": "value", "output_variable": "a"},
                {"type": "expression", "expression": "value is none", "output_variable": "b"},
                {"type": "sort", "source_variable": [2, 1], "output_variable": "c"},
            ],
            scope_of({"rows": ROWS}),
        )
        assert changes == {"a": 3, "b": True, "c": [1, 2]}


def test_each_sees_what_those_before_it_made() -> None:
    changes = run_transformations(
        [
            {"type": "map", "source_variable": "l", "expression": "item + 1", "output_variable": "l"},
            {"type": "aggregate", "source_variable": "l", "expression": "sum", "output_variable": "s"},
            {"type": "expression", "source_variable": "s", "expression": "value + l[0]", "output_variable": "t"},
        ],
        scope_of({"l": [1, 2]}),
    )
    assert changes == {"l": [2, 3], "s": 5, "t": 7}


def test_nothing_is_kept_when_one_fails() -> None:
    variables = {"l": [1]}
    with pytest.raises(OperationError):
        run_transformations(
            [
                {"type": "map", "source_variable": "l", "expression": "2", "output_variable": "l"},
                {"type": "mapp", "source_variable": "l", "output_variable": "m"},
            ],
            scope_of(variables),
        )
    assert variables == {"l": [1]}


def test_what_the_compiler_would_refuse_fails() -> None:
    assert failure("map", [1], expression="item +") == "invalid_value"
    assert failure("filter", [1]) == "invalid_value"
    assert failure("template", 1, expression=5) == "invalid_value"
    assert failure("reduce", [], expression="acc", initial=object()) == "invalid_value"
    with pytest.raises(OperationError):
        run_transformations([{"type": "map", "source_variable": "l", "expression": "item"}], scope_of({"l": []}))
