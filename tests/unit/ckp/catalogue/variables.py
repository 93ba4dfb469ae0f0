"""CKP120 to CKP129: names, declared variables, schemas."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, error, info, warning
from tests.unit.ckp.compiling import approval, at, call, doc, inputs, loop, op, parallel, seq, step

V = "/variables_schema/v"
CHILD = {"type": "subflow", "procedure_id": "c", "version": "1.0.0", "next_node": "z"}


def v(**meta: Any) -> dict[str, Any]:
    """A document with one variable."""
    return doc(variables_schema={"v": meta}, outputs_schema={"v": {}})


def ruled(default: Any = None, **rules: Any) -> dict[str, Any]:
    """A document with one variable and its constraints."""
    return v(validation=rules, **({} if default is None else {"default": default}))


def declared(name: str) -> dict[str, Any]:
    """A document with one variable of that name."""
    return doc(variables_schema={name: {}}, outputs_schema={name: {}})


def result(name: str) -> dict[str, Any]:
    """A document with a step that writes that name."""
    return doc({"a": seq(step("generate_id", output_variable=name))})


def assigned(name: str) -> dict[str, Any]:
    """A document that sets that variable or path."""
    return doc({"a": seq(step("set_variable", variable=name, value=1))})


def repeated(**fields: Any) -> dict[str, Any]:
    """A document with a loop and its body."""
    return doc({"a": loop("b", **fields), "b": seq(to="a")})


def written(name: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Pointer and document of every field that names a variable to set."""
    step_place = at("a", "steps", 0)
    return {
        "result": (f"{step_place}/output_variable", result(name)),
        "part of a result": (f"{step_place}/outputs/{name}", doc({"a": seq(call(outputs={name: "text"}))})),
        "variable": (f"{step_place}/variable", assigned(name)),
        "list": (f"{step_place}/array", doc({"a": seq(step("append_to_array", array=name, value=1))})),
        "item of a loop": (at("a", "iterator_variable"), repeated(iterator_variable=name)),
        "number in a loop": (at("a", "index_variable"), repeated(index_variable=name)),
        "what a loop collects": (at("a", "collect_variable"), repeated(collect_variable=name)),
        "input of a node": (at("a", "inputs", name), doc({"a": seq(inputs={name: 1})})),
        "output of a child": (
            at("a", "output_mapping", name),
            doc({"a": CHILD | {"output_mapping": {name: "x"}}}),
        ),
        "decision": (at("a", "output_variable"), doc({"a": approval(output_variable=name)})),
        "operation": (
            at("a", "operations", 0, "output_variable"),
            doc({"a": op("generate_id", output_variable=name)}),
        ),
    }


def everywhere(code: str, bad: str, good: str) -> list[Case]:
    """One case per field that names a variable to set."""
    within = written(good)
    return [error(code, what, pointer, beyond, within[what][1]) for what, (pointer, beyond) in written(bad).items()]


NAMES: list[Case] = [
    error("CKP120", "first character", "/variables_schema/1st", doc(variables_schema={"1st": {}}), declared("_1st")),
    error(
        "CKP120",
        "65 characters",
        f"/variables_schema/{'v' * 65}",
        doc(variables_schema={"v" * 65: {}}),
        declared("v" * 64),
    ),
    error("CKP120", "two underscores", at("a", "steps", 0, "output_variable"), result("__v"), result("_v")),
    error("CKP120", "path below a variable", at("a", "steps", 0, "variable"), assigned("v..w"), assigned("v.w")),
    error("CKP120", "output", "/outputs_schema/a b", doc(outputs_schema={"a b": {}}), doc(outputs_schema={"a_b": {}})),
    error("CKP120", "node", at("a b"), doc({"a b": seq()}), doc({"a.b": seq()})),
    error("CKP120", "node of 129 characters", at("a" * 129), doc({"a" * 129: seq()}), doc({"a" * 128: seq()})),
    error(
        "CKP120",
        "step",
        at("a", "steps", 0, "step_id"),
        *(doc({"a": seq(step(step_id=name))}) for name in ("-s", "s-")),
    ),
    error(
        "CKP120",
        "branch",
        at("a", "branches", 0, "branch_id"),
        *(
            doc({"a": parallel("b") | {"branches": [{"branch_id": name, "start_node": "b"}]}, "b": seq()})
            for name in ("b/c", "b:c")
        ),
    ),
    error(
        "CKP120",
        "check",
        at("a", "checks", 0, "id"),
        *(
            doc(
                {"a": {"type": "verification", "checks": [{"id": name, "condition": "n > 1"}], "next_node": "z"}},
                variables_schema=inputs(n="number"),
            )
            for name in ("über", "uber")
        ),
    ),
    error(
        "CKP120",
        "input of a trigger",
        "/trigger/input_mapping/a b",
        *(
            doc(
                trigger={"type": "manual", "input_mapping": {name: "1"}},
                **{"variables_schema": {"a_b": {}}, "outputs_schema": {"a_b": {}}},
            )
            for name in ("a b", "a_b")
        ),
    ),
    *everywhere("CKP120", "a-b", "a_b"),
    error("CKP121", "declared", "/variables_schema/today", declared("today"), declared("to_day")),
    error("CKP121", "word of the language", "/variables_schema/contains", declared("contains"), declared("contain")),
    error("CKP121", "constant", "/variables_schema/null", declared("null"), declared("nul")),
    error("CKP121", "path below it", at("a", "steps", 0, "variable"), assigned("error.x"), assigned("errors.x")),
    *everywhere("CKP121", "input", "inputs"),
]

DECLARED: list[Case] = [
    error("CKP122", "type", f"{V}/default", v(type="number", default="1"), v(type="number", default=1)),
    error("CKP122", "least", f"{V}/default", ruled(1, min=2), ruled(2, min=2)),
    error("CKP122", "longest", f"{V}/default", ruled("abc", max_length=2), ruled("ab", max_length=2)),
    error("CKP122", "pattern", f"{V}/default", ruled("12a", regex="[0-9]+"), ruled("12", regex="[0-9]+")),
    error("CKP122", "allowed", f"{V}/default", ruled("c", allowed_values=["a"]), ruled("a", allowed_values=["a"])),
    error("CKP122", "schema", f"{V}/default", *(v(schema={"type": "array"}, default=given) for given in ({}, []))),
    error(
        "CKP122",
        "of an output",
        "/outputs_schema/o/default",
        *(doc(outputs_schema={"o": {"type": "number", "default": given}}) for given in ("1", 1)),
    ),
    error("CKP123", "look-ahead", f"{V}/validation/regex", ruled(regex="a(?=b)"), ruled(regex="a(?:b)")),
    error("CKP123", "501 characters", f"{V}/validation/regex", ruled(regex="a" * 501), ruled(regex="a" * 500)),
    error("CKP124", "value", f"{V}/validation/min", ruled(min=2, max=1), ruled(min=1, max=1)),
    error(
        "CKP124", "length", f"{V}/validation/min_length", *(ruled(min_length=least, max_length=1) for least in (2, 1))
    ),
    error(
        "CKP124",
        "day",
        f"{V}/validation/min",
        *(v(type="date", validation={"min": least, "max": "2026-02-08"}) for least in ("2026-02-09", "2026-02-08")),
    ),
    error(
        "CKP124",
        "nothing allowed",
        f"{V}/validation/allowed_values",
        *(v(type="number", validation={"allowed_values": [one]}) for one in ("1", 1)),
    ),
    error(
        "CKP124",
        "allowed and too long",
        f"{V}/validation/allowed_values",
        *(ruled(allowed_values=[one], max_length=2) for one in ("abc", "ab")),
    ),
    error("CKP124", "nobody is asked", V, *(v(origin="system_captured", required=must) for must in (True, False))),
    info("CKP125", "required with a default", V, v(required=True, default=1), v(default=1)),
    warning(
        "CKP126",
        "never used",
        V,
        doc(variables_schema={"v": {}}),
        doc({"a": seq(step(message="{{v|default(1)}}"))}, variables_schema={"v": {}}),
    ),
    warning(
        "CKP126",
        "never written",
        V,
        *(
            doc({"a": seq(step("generate_id", output_variable=name))}, variables_schema={"v": {}})
            for name in ("w", "v")
        ),
    ),
    warning(
        "CKP126",
        "close to the item of a loop",
        V,
        *(
            doc(
                {"a": loop("b", iterator_variable="w"), "b": seq(step(message=text), to="a")},
                variables_schema={"v": {"default": 1}},
            )
            for text in ("{{w}}", "{{w}}{{v}}")
        ),
    ),
    warning("CKP127", "sensitive", f"{V}/default", v(sensitive=True, default="x"), v(sensitive=True, default="")),
    warning("CKP127", "password", f"{V}/default", v(type="password", default="x"), v(type="string", default="x")),
    warning("CKP127", "sensitivity", f"{V}/default", *(v(sensitivity="low", default=d) for d in ("x", "{{run_id}}"))),
    warning(
        "CKP128",
        "required",
        "/variables_schema/required",
        *(
            doc(variables_schema={"required": meta}, outputs_schema={name: {}})
            for name, meta in (("required", {"type": "string"}), ("type", {"type": {}}))
        ),
    ),
    warning(
        "CKP128",
        "optional",
        "/variables_schema/optional",
        declared("optional") | {"variables_schema": {"optional": {"required": True}}},
        doc(variables_schema={"optional": {"required": {}}}, outputs_schema={"required": {}}),
        left=("CKP128",),
    ),
]


def schemas(schema: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Pointer and document of every field that holds a schema."""
    checked = {"type": "verification", "checks": [{"source": "run_id", "schema": schema}], "next_node": "z"}
    asked = {"type": "llm_action", "prompt": "{{run_id}}", "output_schema": schema, "timeout_ms": 1, "next_node": "z"}
    event = {"type": "event", "event_source": "run_failed", "event_config": {"schema": schema}}
    return {
        "variable": (f"{V}/schema", v(schema=schema)),
        "check": (at("a", "checks", 0, "schema"), doc({"a": checked})),
        "answer": (at("a", "output_schema"), doc({"a": asked}, global_config={"max_cost_usd": 1})),
        "form": (at("a", "form"), doc({"a": approval(decision_type="provide_input", form=schema)})),
        "event": ("/trigger/event_config/schema", doc(trigger=event)),
        "operation": (at("a", "operations", 0, "schema"), doc({"a": op("validate_schema", source="x", schema=schema)})),
    }


SCHEMAS: list[Case] = [
    *(
        error("CKP129", what, pointer, beyond, schemas({"type": "string"})[what][1])
        for what, (pointer, beyond) in schemas({"type": "text"}).items()
    ),
    error(
        "CKP129",
        "external reference",
        f"{V}/schema",
        *(v(schema={"$ref": ref, "$defs": {}}) for ref in ("https://x.example/s", "#/$defs")),
    ),
    error("CKP129", "pattern", f"{V}/schema", v(schema={"pattern": "a(?=b)"}), v(schema={"pattern": "a(?:b)"})),
]

CASES: list[Case] = [*NAMES, *DECLARED, *SCHEMAS]
