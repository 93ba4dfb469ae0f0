"""CKP401 to CKP415: expressions, templates, mappings, paths."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, blocker, error, warning
from tests.unit.ckp.compiling import approval, at, call, change, doc, inputs, logic, model, op, seq, step
from tests.unit.ckp.registries import Registered

N: dict[str, Any] = {"variables_schema": inputs(n="number", s="string"), "outputs_schema": {"n": {}, "s": {}}}
ROWS = {"variables_schema": inputs(rows="array")}
CONDITION = at("a", "rules", 0, "condition")
MESSAGE = at("a", "steps", 0, "message")
VALUE = at("a", "steps", 0, "value")
EXPRESSION = at("a", "transformations", 0, "expression")


def rule(text: str) -> dict[str, Any]:
    """A document with a condition."""
    return doc({"a": logic((text, "z"))}, **N)


def said(text: str) -> dict[str, Any]:
    """A document with a prompt template."""
    return doc({"a": seq(step(message=text))}, **N)


def value(given: Any) -> dict[str, Any]:
    """A document with a value."""
    return doc({"a": seq(step("set_variable", variable="v", value=given))}, **N)


def mapped(text: str) -> dict[str, Any]:
    """A document with a mapping."""
    return doc({"a": seq(call(outputs={"v": text}))})


def changed(type_name: str, **fields: Any) -> dict[str, Any]:
    """A document with a transformation."""
    return doc({"a": change(type_name, **fields)}, **ROWS)


def condition(code: str, what: str, beyond: str, within: str, **more: Any) -> Case:
    """A condition that is refused."""
    return error(code, what, CONDITION, rule(beyond), rule(within), **more)


def message(code: str, what: str, beyond: str, within: str, **more: Any) -> Case:
    """A prompt template that is refused."""
    return error(code, what, MESSAGE, said(beyond), said(within), **more)


SYNTAX: list[Case] = [
    condition("CKP401", "blank", " ", "n"),
    message("CKP401", "empty placeholder", "{{ }}", "{{ n }}"),
    message("CKP401", "placeholder not closed", "{{ n }", "{{ n }}", hint="close it with `}}`"),
    message("CKP401", "comment not closed", "{# n", "{# n #}"),
    condition("CKP402", "not complete", "n >", "n > 1"),
    condition("CKP402", "one equals sign", "n = 1", "n == 1", hint="=="),
    condition("CKP402", "operator of another language", "n && s", "n and s", hint="and"),
    condition("CKP402", "text not closed", "s == 'x", "s == 'x'"),
    condition("CKP402", "bracket not closed", "(n > 1", "(n > 1)"),
    condition("CKP402", "29 digits", f"n > {'1' * 29}", f"n > {'1' * 28}"),
    error(
        "CKP402",
        "no function",
        EXPRESSION,
        changed("aggregate", expression="total(x)"),
        changed("aggregate", expression="sum(x)"),
    ),
    error(
        "CKP402",
        "one name twice",
        EXPRESSION,
        *(changed("aggregate", expression=f"sum(x) as s, avg(x) as {name}") for name in "st"),
    ),
    condition("CKP403", "chained words", "s contains 'a' == true", "(s contains 'a') == true", hint="use brackets"),
    condition("CKP404", "10,001 characters", "n".ljust(10_001), "n".ljust(10_000)),
    message(
        "CKP404", "10,001 characters in a placeholder", f"{{{{{'n'.ljust(10_001)}}}}}", f"{{{{{'n'.ljust(10_000)}}}}}"
    ),
    condition("CKP404", "nesting of 33", "(" * 33 + "n" + ")" * 33, "(" * 32 + "n" + ")" * 32),
    condition("CKP404", "1,001 parts", "+".join(["n"] * 1_000), "+".join(["n"] * 999)),
    condition("CKP405", "power", "2 ** n == 8", "2 * n == 8"),
    condition("CKP405", "two texts side by side", "s == 'it''s'", 's == "it\'s"', hint='"it\'s"'),
    condition("CKP405", "function of one's own", "lambda", "n"),
    condition("CKP405", "step of a slice", "s[0:3:2] == 'x'", "s[0:3] == 'x'"),
    condition("CKP405", "key without quotes", "{k: 1} == n", "{'k': 1} == n"),
    condition("CKP406", "hidden name", "s.__class__", "s.class"),
    condition("CKP406", "hidden variable", "__n", "n"),
    condition("CKP407", "function", "uper(s) == 'A'", "upper(s) == 'A'", hint="did you mean `upper`?"),
    condition("CKP407", "filter", "s|trimm == 'A'", "s|trim == 'A'", hint="did you mean `trim`?"),
    condition("CKP407", "test", "n is numer", "n is number", hint="did you mean `number`?"),
    condition("CKP407", "method", "s.upper() == 'A'", "s|upper == 'A'", hint="s|upper"),
    condition("CKP408", "none", "round() > 1", "round(n) > 1"),
    condition("CKP408", "too many", "round(n, 1, 2) > 1", "round(n, 1) > 1"),
    condition("CKP408", "unknown name", "round(n, digit=1) > 1", "round(n, digits=1) > 1"),
    condition("CKP408", "of a test", "n is even(2)", "n is even"),
    condition("CKP409", "look-ahead", "regex_match(s, 'a(?=b)')", "regex_match(s, 'a(?:b)')"),
    condition("CKP409", "501 characters", f"regex_match(s, '{'a' * 501}')", f"regex_match(s, '{'a' * 500}')"),
    error(
        "CKP409",
        "of an operation",
        at("a", "operations", 0, "pattern"),
        *(
            doc({"a": op("extract_regex", source="x", pattern=pattern, output_variable="o")})
            for pattern in ("a(?=b)", "a(?:b)")
        ),
    ),
    error(
        "CKP409", "of a mapping", at("a", "steps", 0, "outputs", "v"), mapped("regex: a(?=b)"), mapped("regex: a(?:b)")
    ),
]

EFFECTS: list[Case] = [
    warning("CKP410", "always true", CONDITION, rule("1 < 2"), rule("1 < n")),
    warning("CKP410", "text that is true", CONDITION, rule("'n'"), rule("true")),
    warning("CKP411", "tag in a value", VALUE, value("{% if n %}x"), value("{{n}}x")),
    warning(
        "CKP411",
        "tag beside a lost name",
        VALUE,
        value("{% if n %}{{m}}"),
        value("{{m}}"),
        beside=("CKP301",),
        left=("CKP301",),
    ),
    warning(
        "CKP411", "placeholder in plain text", "/description", doc(description="{{run_id}}"), doc(description="run_id")
    ),
    message("CKP412", "tag", "{% include 'x' %}", "{% raw %}include{% endraw %}"),
    message("CKP412", "misspelt tag", "{% iff n %}x{% endif %}", "{% if n %}x{% endif %}", hint="if"),
    warning("CKP413", "key", at("a", "steps", 0, "value", "{{n}}"), value({"{{n}}": 1}), value({"n": "{{n}}"})),
    warning(
        "CKP413",
        "parameter",
        at("a", "steps", 0, "{{n}}"),
        *(doc({"a": seq(call(**{key: 1}))}, **N) for key in ("{{n}}", "n")),
    ),
    warning(
        "CKP413",
        "context",
        at("a", "context_data", "{{n}}"),
        *(doc({"a": approval(context_data={key: 1})}, **N) for key in ("{{n}}", "n")),
    ),
    warning("CKP414", "text", MESSAGE, said("{{s|nobody}}"), said("{{s|default('nobody')}}")),
    warning("CKP414", "misspelt filter", MESSAGE, said("{{s|uper}}"), said("{{s|upper}}")),
    error("CKP415", "mapping", at("a", "steps", 0, "outputs", "v"), mapped("jsonpath: a"), mapped("json: a")),
    error("CKP415", "mapping of nothing", at("a", "steps", 0, "outputs", "v"), mapped("json:"), mapped("json:a")),
    error("CKP415", "path into JSON", at("a", "steps", 0, "outputs", "v"), mapped("$.a["), mapped("$.a[0]")),
    error(
        "CKP415", "path into XML", at("a", "steps", 0, "outputs", "v"), mapped("xpath: //a["), mapped("xpath: //a[1]")
    ),
    error(
        "CKP415",
        "path of a transformation",
        EXPRESSION,
        changed("json_path", expression="a["),
        changed("json_path", expression="a[0]"),
    ),
    error(
        "CKP415",
        "order",
        EXPRESSION,
        changed("sort", expression="vendor, -"),
        changed("sort", expression="vendor, -amount"),
    ),
    error(
        "CKP415",
        "groups",
        at("a", "transformations", 0, "group_by"),
        *(changed("aggregate", expression="count", group_by=by) for by in ("x..y", "x.y")),
    ),
    error(
        "CKP415",
        "column of the older form",
        at("a", "transformations", 0, "field"),
        *(changed("aggregate", op="sum", field=of) for of in ("x[", "x")),
    ),
    error(
        "CKP415",
        "keys of a join",
        EXPRESSION,
        *(changed("join", expression=f"id == {key}", **{"with": "rows"}) for key in ("other[", "other")),
    ),
    error(
        "CKP415",
        "columns of a pivot",
        at("a", "transformations", 0, "columns"),
        *(changed("pivot", index="x", columns=name, values="v") for name in ("y z", "y")),
    ),
    error(
        "CKP415",
        "columns of an operation",
        at("a", "operations", 0, "expression"),
        *(doc({"a": op("unique", source="x", expression=name, output_variable="o")}) for name in ("[", "k")),
    ),
]


def fields(text: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Pointer and document of many fields that hold texts."""
    cap = {"global_config": {"max_cost_usd": 1}}
    attached = [{"type": "text", "source": f"{{{{{text}}}}}"}]
    return {
        "time-out": (at("a", "timeout_ms"), doc({"a": seq(timeout_ms=f"{{{{{text}}}}}")}, **N)),
        "parameter": (
            at("a", "steps", 0, "body", 1, "x"),
            doc({"a": seq(call(body=[1, {"x": f"{{{{{text}}}}}"}]))}, **N),
        ),
        "prompt": (at("a", "prompt"), doc({"a": model(f"{{{{{text}}}}}")}, **N, **cap)),
        "attachment": (
            at("a", "attachments", 0, "source"),
            doc({"a": model("Read this.", attachments=attached)}, **N, **cap),
        ),
        "approvers": (at("a", "approvers", "expression"), doc({"a": approval(approvers={"expression": text})}, **N)),
        "output": (
            at("z", "outputs", "o"),
            doc({"z": {"type": "terminate", "outputs": {"o": f"{{{{{text}}}}}"}}}, **N),
        ),
        "operation": (
            at("a", "operations", 0, "expression"),
            doc({"a": op("calculate", expression=text, output_variable="o")}, **N),
        ),
    }


CHILD = {"type": "subflow", "procedure_id": "c", "next_node": "z"}
KNOWN = Registered().add(doc() | {"procedure_id": "c"})

ONE_CAUSE: list[Case] = [
    error("CKP102", "placeholder", "/procedure_id", doc() | {"procedure_id": "{{x}}"}, doc() | {"procedure_id": "x"}),
    error(
        "CKP131",
        "placeholder",
        "/trigger/schedule",
        *(doc(trigger={"type": "scheduled", "schedule": text}) for text in ("{{x}}", "@daily")),
    ),
    blocker(
        "CKP321",
        "placeholder",
        at("a", "version"),
        *(doc({"a": CHILD | {"version": text}}) for text in ("{{x}}", "1.0.0")),
        registry=KNOWN,
    ),
]

PLACES: list[Case] = [
    error("CKP402", what, pointer, beyond, fields("n")[what][1]) for what, (pointer, beyond) in fields("n +").items()
]

CASES: list[Case] = [*SYNTAX, *EFFECTS, *ONE_CAUSE, *PLACES]
