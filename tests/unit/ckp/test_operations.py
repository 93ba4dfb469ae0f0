"""Operations of processing nodes (CKP 2.6)."""

import hashlib
import hmac
import re
import uuid
from typing import Any

import pytest

from procedures.ckp.expressions import EvaluationError
from procedures.ckp.operations import OPERATIONS, OperationError, Tools, run_operation
from tests.unit.ckp.evaluating import scope_of


def run(action: str, variables: dict[str, Any] | None = None, tools: Tools | None = None, **fields: Any) -> Any:
    """What an operation puts into the variable `out`."""
    operation = {"action": action, "output_variable": "out", **fields}
    changes = run_operation(operation, scope_of(variables or {}), tools)
    assert set(changes) == {"out"}
    return changes["out"]


def failure(action: str, variables: dict[str, Any] | None = None, tools: Tools | None = None, **fields: Any) -> str:
    """Error class that an operation fails with."""
    with pytest.raises(OperationError) as failed:
        run_operation({"action": action, "output_variable": "out", **fields}, scope_of(variables or {}), tools)
    assert failed.value.message
    return failed.value.error_class


class TestVariables:
    def test_set_variable(self) -> None:
        scope = scope_of({"a": 1})
        assert run_operation({"action": "set_variable", "variable": "x", "value": "{{a}}"}, scope) == {"x": 1}
        assert run_operation({"action": "set_variable", "variable": "x", "value": ["{{a}}", "a"]}, scope) == {
            "x": [1, "a"]
        }

    def test_set_below_a_variable_copies_what_is_on_the_way(self) -> None:
        known = {"keep": [1], "b": {"c": 1}}
        operation = {"action": "set_variable", "variable": "x.b.d", "value": 2}
        assert run_operation(operation, scope_of({"x": known})) == {"x": {"keep": [1], "b": {"c": 1, "d": 2}}}
        assert known == {"keep": [1], "b": {"c": 1}}

    def test_missing_objects_are_made(self) -> None:
        operation = {"action": "set_variable", "variable": "x.a.b", "value": 1}
        assert run_operation(operation, scope_of({})) == {"x": {"a": {"b": 1}}}
        assert run_operation(operation, scope_of({"x": {"a": None}})) == {"x": {"a": {"b": 1}}}

    def test_element_of_a_list_can_be_set(self) -> None:
        operation = {"action": "set_variable", "variable": "x.1.a", "value": 5}
        assert run_operation(operation, scope_of({"x": [0, {"a": 1}, 2]})) == {"x": [0, {"a": 5}, 2]}

    @pytest.mark.parametrize("known", ["text", 5, [1], [[]]])
    def test_nothing_can_be_set_below_other_kinds(self, known: Any) -> None:
        assert failure("set_variable", {"x": known}, variable="x.a", value=1) == "invalid_value"

    def test_result_may_also_be_named(self) -> None:
        changes = run_operation(
            {"action": "set_variable", "variable": "x", "value": 1, "output_variable": "y"}, scope_of({})
        )
        assert changes == {"x": 1, "y": 1}

    def test_append(self) -> None:
        scope = scope_of({"l": [1], "z": None, "t": "text"})
        assert run_operation({"action": "append_to_array", "array": "l", "value": "{{l}}"}, scope) == {"l": [1, [1]]}
        assert run_operation({"action": "append_to_array", "array": "z", "value": 1}, scope) == {"z": [1]}
        assert run_operation({"action": "append_to_array", "array": "new", "value": 1}, scope) == {"new": [1]}
        assert scope.variables["l"] == [1]
        assert failure("append_to_array", {"t": "text"}, array="t", value=1) == "not_a_list"

    def test_calculate_and_format(self) -> None:
        assert run("calculate", {"a": 2}, expression="a * 1.5") == 3
        assert run("calculate", expression=5) == 5
        template = "{% for x in l %}{{x}};{% endfor %}"
        assert run("format_string", {"l": [1, 2]}, template=template) == "1;2;"
        assert failure("format_string", template=5) == "invalid_value"

    def test_log_collects_lines(self) -> None:
        tools, scope = Tools(), scope_of({"a": [1]})
        assert run_operation({"action": "log", "message": "a={{a}}"}, scope, tools) == {}
        assert run_operation({"action": "log", "value": "{{a}}", "level": "ERROR"}, scope, tools) == {}
        assert tools.logged == [("INFO", "a=[1]"), ("ERROR", [1])]

    def test_generate_id(self) -> None:
        assert uuid.UUID(run("generate_id")).version == 7
        assert uuid.UUID(run("generate_id", kind="uuid4")).version == 4
        short = run("generate_id", {"p": "INV"}, kind="short", prefix="{{p}}-")
        assert re.fullmatch(r"INV-[a-z2-9]{12}", short)
        assert run("generate_id") != run("generate_id")
        assert failure("generate_id", kind="guid") == "invalid_value"

    def test_get_timestamp(self) -> None:
        assert run("get_timestamp") == "2026-02-09T23:30:00Z"
        assert run("get_timestamp", timezone="Asia/Tokyo") == "2026-02-10T08:30:00+09:00"
        assert run("get_timestamp", format="%d.%m.%Y", timezone="Asia/Tokyo") == "10.02.2026"
        assert run("get_timestamp", format="%H:%M") == "23:30"
        assert failure("get_timestamp", timezone="Mars") == "invalid_value"
        with pytest.raises(OperationError):
            run_operation({"action": "get_timestamp"}, scope_of({}, now=None))


class TestFields:
    def test_params_are_fields_and_flat_ones_win(self) -> None:
        operation = {"action": "calculate", "params": {"expression": "1", "output_variable": "o"}, "expression": "2"}
        assert run_operation(operation, scope_of({})) == {"o": 2}

    def test_source_is_a_value_or_a_name(self) -> None:
        assert run("parse_json", {"x": "[1]"}, source="x") == [1]
        assert run("parse_json", {"x": "1"}, source="[{{x}}]") == [1]
        assert run("parse_json", source="5") == 5
        assert failure("parse_json", source="gone") == "invalid_value"

    def test_name_that_may_be_defined_is_a_variable(self) -> None:
        scope = scope_of({})
        operation = {"action": "unique", "source": "rows", "output_variable": "o"}
        assert run_operation(operation, scope, Tools(defined={"rows"})) == {"o": []}
        assert [(one.name, one.pointer) for one in scope.recorded] == [("rows", "/source")]

    def test_records_name_the_field(self) -> None:
        scope = scope_of({}, pointer="/operations/3")
        run_operation({"action": "set_variable", "variable": "x", "value": {"a": ["{{gone}}"]}}, scope)
        assert [one.pointer for one in scope.recorded] == ["/operations/3/value/a/0"]

    def test_missing_fields_and_unknown_operations_fail(self) -> None:
        assert failure("calculate") == "invalid_value"
        assert failure("notify", message="x") == "invalid_value"
        assert failure("calculate", expression="1 +") == "invalid_value"
        assert failure("set_variable", variable="x", value=object()) == "invalid_value"

    def test_evaluation_errors_pass(self) -> None:
        with pytest.raises(EvaluationError) as failed:
            run("calculate", {"a": 0}, expression="1 / a")
        assert failed.value.error_class == "expression_error"

    def test_strict_scope_fails(self) -> None:
        with pytest.raises(EvaluationError) as failed:
            run_operation({"action": "set_variable", "variable": "x", "value": "{{gone}}"}, scope_of({}, strict=True))
        assert failed.value.error_class == "undefined_value"

    def test_operations_of_the_runtime_are_not_here(self) -> None:
        assert not OPERATIONS & {"notify", "screenshot", "set_checkpoint", "restore_checkpoint", "wait", "wait_until"}


class TestReading:
    def test_json(self) -> None:
        assert run("parse_json", source='{"a": [1.0, 2.5, null]}') == {"a": [1, 2.5, None]}
        for source in ("", "{", "NaN", "[1,]", 5, ["a"]):
            assert failure("parse_json", source=source) == "invalid_value"
        assert run("parse_json", source="{", on_error="null") is None
        assert failure("parse_json", source="{", on_error="fail") == "invalid_value"

    def test_csv(self) -> None:
        text = '\ufeffname, amount ,note\r\n"A, B",1.5,"x\ny"\r\n\r\nC,,\r\nD\r\n'
        assert run("parse_csv", {"t": text}, source="t", types={"amount": "number"}) == [
            {"name": "A, B", "amount": 1.5, "note": "x\ny"},
            {"name": "C", "amount": None, "note": ""},
            {"name": "D", "amount": None, "note": None},
        ]

    def test_csv_without_header_and_with_another_delimiter(self) -> None:
        assert run("parse_csv", source="1;2\n3;4", delimiter=";", header=False, types={"0": "integer"}) == [
            [1, "2"],
            [3, "4"],
        ]
        assert run("parse_csv", source="") == []
        assert run("parse_csv", source="a,,\n1,2,3") == [{"a": "1", "column_2": "2", "column_3": "3"}]

    @pytest.mark.parametrize(
        ("source", "fields"),
        [
            ("a,b\n1,2,3", {}),
            ("a,a\n1,2", {}),
            ('a\n"x', {}),
            ('a\n"x"y', {}),
            ("a\nx", {"types": {"a": "integer"}}),
            ("a\nx", {"types": {"a": "decimal"}}),
            ("a\nx", {"delimiter": "ab"}),
            ("a\nx", {"delimiter": '"'}),
            ("a\n" + "x" * 200_000, {}),
            ("a\n" * 100_002, {}),
        ],
        ids=range(10),
    )
    def test_csv_that_fails(self, source: str, fields: dict[str, Any]) -> None:
        assert failure("parse_csv", {"t": source}, source="t", **fields) == "invalid_value"
        assert run("parse_csv", {"t": source}, source="t", on_error="null", **fields) is None

    def test_xml(self) -> None:
        text = '<?xml version="1.0" encoding="latin-1"?><a x="1"><b>ä</b><b y="2"> 2 </b><c/><d><e>1</e></d> t </a>'
        assert run("parse_xml", {"t": text}, source="t") == {
            "a": {"@x": "1", "b": ["ä", {"@y": "2", "#text": "2"}], "c": None, "d": {"e": "1"}, "#text": "t"}
        }

    @pytest.mark.parametrize(
        "source",
        [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<!DOCTYPE a><a/>",
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
            "<a>&x;</a>",
            "<a>" * 200 + "</a>" * 200,
        ],
    )
    def test_xml_that_fails(self, source: str) -> None:
        assert failure("parse_xml", {"t": source}, source="t") == "invalid_value"

    def test_extract_regex(self) -> None:
        source = "AB-12, CD-34"
        assert run("extract_regex", source=source, pattern=r"([A-Z]+)-(\d+)") == "AB"
        assert run("extract_regex", source=source, pattern=r"[A-Z]+-\d+") == "AB-12"
        assert run("extract_regex", source=source, pattern=r"([A-Z]+)-(?P<no>\d+)", group="no") == "12"
        assert run("extract_regex", source=source, pattern=r"([A-Z]+)-(\d+)", group=2, all=True) == ["12", "34"]
        assert run("extract_regex", source=source, pattern="z") is None
        assert run("extract_regex", source=source, pattern="z", all=True) == []
        assert run("extract_regex", source=source, pattern="(a)?B") is None

    @pytest.mark.parametrize("fields", [{"pattern": "("}, {"pattern": "a", "group": 1}, {"pattern": "a", "group": "x"}])
    def test_extract_regex_that_fails(self, fields: dict[str, Any]) -> None:
        assert failure("extract_regex", source="a", **fields) == "invalid_value"
        assert failure("extract_regex", source="{{5}}", pattern="a") == "invalid_value"

    def test_large_pattern_on_a_long_text_fails(self) -> None:
        big = {"t": "a" * 1_000_000}
        assert failure("extract_regex", big, source="t", pattern="((a{1,100}){1,9}b)+") == "invalid_value"

    @pytest.mark.parametrize(
        ("target", "source", "expected"),
        [
            ("string", "a", "a"),
            ("string", 1.50, "1.5"),
            ("string", True, "true"),
            ("string", [1, None], "[1,null]"),
            ("number", "12.50", 12.5),
            ("number", 3, 3),
            ("integer", "12", 12),
            ("integer", 12.0, 12),
            ("boolean", "true", True),
            ("boolean", False, False),
            ("array", "[1]", [1]),
            ("array", [1], [1]),
            ("object", '{"a": 1}', {"a": 1}),
            ("object", {}, {}),
            ("date", "2026-02-09", "2026-02-09"),
            ("datetime", "2026-02-09T10:30:00Z", "2026-02-09T10:30:00Z"),
            ("datetime", "2026-02-09 10:30", "2026-02-09 10:30"),
        ],
    )
    def test_convert(self, target: str, source: Any, expected: Any) -> None:
        result = run("convert_type", {"x": source}, source="{{x}}", target_type=target)
        assert (type(result), result) == (type(expected), expected)

    @pytest.mark.parametrize(
        ("target", "source"),
        [
            ("string", None),
            ("number", "12,0"),
            ("number", " 1"),
            ("number", True),
            ("number", None),
            ("integer", "12.5"),
            ("integer", "1e400"),
            ("boolean", "yes"),
            ("boolean", 1),
            ("array", "{}"),
            ("array", "x"),
            ("object", "[1]"),
            ("date", "2026-02-09T10:30:00Z"),
            ("date", "2026-02-30"),
            ("date", 5),
            ("datetime", "2026-02-09"),
            ("file", "x"),
        ],
    )
    def test_convert_that_fails(self, target: str, source: Any) -> None:
        assert failure("convert_type", {"x": source}, source="{{x}}", target_type=target) == "invalid_value"

    def test_validate_schema(self) -> None:
        schema = {
            "type": "object",
            "required": ["a"],
            "properties": {"b": {"type": "array", "items": {"type": "number"}}},
        }
        assert run("validate_schema", {"x": {"a": 1}}, source="x", schema=schema) == {"valid": True, "errors": []}
        found = run("validate_schema", {"x": {"a": 1, "b": [1, "z"]}}, source="x", schema=schema, on_invalid="continue")
        assert found["valid"] is False
        assert found["errors"][0]["pointer"] == "/b/1"
        assert failure("validate_schema", {"x": {}}, source="x", schema=schema) == "validation_failed"


class TestKeys:
    TOOLS = Tools(key=lambda alias: f"key of {alias}")

    def test_hash(self) -> None:
        assert run("hash", source="ä") == hashlib.sha256("ä".encode()).hexdigest()
        assert run("hash", source="a", algorithm="sha512") == hashlib.sha512(b"a").hexdigest()
        assert (
            run("hash", {"o": {"b": 1.0, "a": "ä"}}, source="o")
            == hashlib.sha256('{"a":"ä","b":1}'.encode()).hexdigest()
        )
        signed = run("hash", tools=self.TOOLS, source="a", algorithm="hmac-sha256", key_reference="k")
        assert signed == hmac.new(b"key of k", b"a", "sha256").hexdigest()
        assert failure("hash", source="a", algorithm="md5") == "invalid_value"
        assert failure("hash", source="a", algorithm="hmac-sha256") == "invalid_value"
        assert failure("hash", source="a", algorithm="hmac-sha256", key_reference="k") == "secret_unavailable"

    @pytest.mark.parametrize("value", ["text ä", 5, None, {"a": [1.5]}])
    def test_what_is_encrypted_comes_back(self, value: Any) -> None:
        sealed = run("encrypt", {"x": value}, self.TOOLS, source="{{x}}", key_reference="k")
        again = run("encrypt", {"x": value}, self.TOOLS, source="{{x}}", key_reference="k")
        assert sealed.startswith("enc:1:")
        assert sealed != again
        assert run("decrypt", {"s": sealed}, self.TOOLS, source="s", key_reference="k") == value

    def test_what_cannot_be_decrypted(self) -> None:
        sealed = run("encrypt", tools=self.TOOLS, source="x", key_reference="k")
        for text in ("x", "enc:1:", "enc:1:%%%", "enc:1:YWJj", sealed[:-4] + "AAAA", sealed[:-1]):
            assert failure("decrypt", {"s": text}, self.TOOLS, source="s", key_reference="k") == "invalid_value"
        assert failure("decrypt", {"s": sealed}, self.TOOLS, source="s", key_reference="other") == "invalid_value"
        assert failure("decrypt", {"s": sealed}, source="s", key_reference="k") == "secret_unavailable"
