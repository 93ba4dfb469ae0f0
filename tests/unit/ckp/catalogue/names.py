"""CKP301 to CKP305: variables where they are read."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, error, warning
from tests.unit.ckp.compiling import approval, at, call, change, doc, inputs, logic, loop, model, parallel, seq, step

N: dict[str, Any] = {"variables_schema": inputs(n="number")}
SAID = at("c", "steps", 0, "message")
ALLOWED = at("a", "rules", 0, "condition")
CHECKED = {"type": "verification", "checks": [{"condition": "n > 1"}], "next_node": "c"}
CAP = {"global_config": {"max_cost_usd": 1}}


def put(name: str = "x") -> dict[str, Any]:
    """A step that sets a variable."""
    return step("set_variable", variable=name, value=1)


def say(text: str = "{{x}}", **fields: Any) -> dict[str, Any]:
    """A node that reads."""
    return seq(step(message=text), **fields)


def one_way(text: str = "{{x}}", other: str = "x") -> dict[str, Any]:
    """A document in which one of two ways sets `x`, and the other one sets another variable."""
    ways = {"b": seq(put(), to="c"), "d": seq(put(other), to="c")}
    return doc({"a": logic(("n > 1", "b"), default="d"), **ways, "c": say(text)}, **N)


def after(node: dict[str, Any], text: str, **root: Any) -> dict[str, Any]:
    """A node, then one that reads."""
    return doc({"a": node, "c": say(text)}, **root)


def failed(text: str, field: str) -> dict[str, Any]:
    """A document in which a node is reached by a failure, or not."""
    return doc({"a": seq(call(), **{field: "c"}), "c": say(text)})


def undone(text: str) -> dict[str, Any]:
    """A document with a compensation."""
    return doc({"a": seq(call(compensate_with=step(message=text)))})


def compared(condition: str, **types: str) -> dict[str, Any]:
    """A document with a decision over inputs."""
    return doc({"a": logic((condition, "z"))}, variables_schema=inputs(**types))


def aggregated(text: str) -> dict[str, Any]:
    """A document with an aggregate."""
    node = change("aggregate", expression="count, sum(amount)") | {"next_node": "c"}
    return after(node, text, variables_schema=inputs(rows="array"))


def closed(text: str) -> dict[str, Any]:
    """A document with an input of which all keys are known."""
    schema = {"additionalProperties": False, "properties": {"total": {}}}
    return doc({"c": say(text)}, variables_schema={"o": {"required": True, "schema": schema}})


def triggered(**fields: Any) -> dict[str, Any]:
    """A document with an event and an input."""
    trigger = {"type": "event", "event_source": "run_failed", **fields}
    return doc(trigger=trigger, variables_schema={"v": {"required": True}}, outputs_schema={"v": {}})


def keyed(key: str, **meta: Any) -> dict[str, Any]:
    """A document with a key over an input."""
    schema = {"v": {"required": True, **meta}}
    return doc(
        global_config={"dedupe": {"key": key, "window_seconds": 1}}, variables_schema=schema, outputs_schema={"v": {}}
    )


def default(text: str) -> dict[str, Any]:
    """A document with a default that is rendered at the start."""
    return doc(variables_schema={"v": {"default": text}}, outputs_schema={"v": {}})


def beside(node: dict[str, Any], text: str = "{{x}}", **root: Any) -> dict[str, Any]:
    """A document in which one of two ways leads over a node, and the other one past it; then something reads."""
    return doc({"a": logic(("n > 1", "b"), default="c"), "b": node | {"next_node": "c"}, "c": say(text)}, **N | root)


NEVER: list[Case] = [
    error("CKP301", "never set", SAID, doc({"c": say()}), doc({"a": seq(put(), to="c"), "c": say()})),
    error(
        "CKP301",
        "set later",
        SAID,
        doc({"c": say(to="a"), "a": seq(put())}),
        doc({"a": seq(put(), to="c"), "c": say()}),
    ),
    error(
        "CKP301",
        "misspelt",
        ALLOWED,
        compared("totl > 1", total="number"),
        compared("total > 1", total="number"),
        hint="Did you mean 'total'?",
    ),
    error(
        "CKP301",
        "a word that should be a text",
        ALLOWED,
        compared("{{s}} == approved", s="string"),
        compared("{{s}} == 'approved'", s="string"),
        hint="Write 'approved' for the text, or declare the variable.",
    ),
    error(
        "CKP301",
        "input of another node",
        SAID,
        doc({"a": seq(to="c", inputs={"x": 1}), "c": say()}),
        doc({"a": seq(to="c"), "c": say(inputs={"x": 1})}),
    ),
    error(
        "CKP301",
        "item of a loop that has ended",
        SAID,
        *(
            doc({"l": loop("b", to="c", iterator_variable="x"), "b": seq(to="l"), "c": say(text)})
            for text in ("{{x}}", "{{run_id}}")
        ),
    ),
    error(
        "CKP301",
        "behind a model that gives parts",
        SAID,
        *(after(model("{{n}}", to="c", outputs=parts), "{{llm_output}}", **N, **CAP) for parts in ({"x": "text"}, {})),
    ),
    error("CKP301", "key over no input", "/global_config/dedupe/key", keyed("{{w}}"), keyed("{{v}}")),
    error(
        "CKP301",
        "mapping over no trigger",
        "/trigger/input_mapping/v",
        *(triggered(input_mapping={"v": text}) for text in ("payload.v", "trigger.payload.v")),
    ),
    error(
        "CKP301",
        "filter over no trigger",
        "/trigger/event_config/event_filter",
        *(triggered(event_config={"event_filter": text}) for text in ("payload.v > 1", "trigger.payload.v > 1")),
    ),
    error(
        "CKP301", "default over another input", "/variables_schema/v/default", default("{{w}}"), default("{{today}}")
    ),
]

DOUBTFUL: list[Case] = [
    warning("CKP302", "one of two ways", SAID, one_way(other="y"), one_way(other="x")),
    warning("CKP302", "without a default", SAID, one_way("{{x}}", "y"), one_way("{{x|default('-')}}", "y")),
    warning(
        "CKP302",
        "optional input",
        SAID,
        *(doc({"c": say()}, variables_schema={"x": meta}) for meta in ({}, {"default": 1})),
    ),
    warning(
        "CKP302",
        "never, and guarded",
        SAID,
        doc({"c": say("{{x|default('-')}}")}),
        doc({"a": seq(put(), to="c"), "c": say("{{x|default('-')}}")}),
    ),
    warning(
        "CKP302",
        "behind a failure",
        SAID,
        *(
            doc({**before, "a": seq(*steps, call(), to="z", on_error="c"), "c": say()})
            for before, steps in (({}, [put()]), ({"b": seq(put(), to="a")}, []))
        ),
    ),
    warning(
        "CKP302",
        "behind a loop",
        SAID,
        *(
            doc({**before, "l": loop("b", to="c"), "b": seq(put(), to="l"), "c": say()})
            for before in ({}, {"s": seq(put(), to="l")})
        ),
    ),
    warning(
        "CKP302",
        "first of two branches",
        SAID,
        *(
            doc(
                {
                    "p": parallel("a", "b", to="c", wait_strategy=rule),
                    "a": seq(put(), to="c"),
                    "b": seq(to="c"),
                    "c": say(),
                }
            )
            for rule in ("first", "all")
        ),
    ),
    warning(
        "CKP302",
        "branches that may fail",
        SAID,
        *(
            doc(
                {
                    "p": parallel("a", to="c", branch_failure=rule),
                    "a": seq(put(), to="c"),
                    "c": say("{{x}}{{parallel_results}}"),
                }
            )
            for rule in ("continue", "fail")
        ),
    ),
    warning(
        "CKP302",
        "back to a checkpoint",
        at("c", "steps", 2, "message"),
        *(
            doc({"c": seq(*steps, step(message="{{x}}"))})
            for steps in ((put(), step("restore_checkpoint", name="k")), (step("restore_checkpoint", name="k"), put()))
        ),
    ),
    warning(
        "CKP302",
        "key over an optional input",
        "/global_config/dedupe/key",
        keyed("{{v}}", required=False),
        keyed("{{v}}"),
    ),
    *(
        warning(
            "CKP303",
            f"error, not by {field}",
            SAID,
            failed("{{error.class}}", "next_node"),
            failed("{{error.class}}", field),
        )
        for field in ("on_error",)
    ),
    warning(
        "CKP303",
        "error, not by a fallback",
        SAID,
        *(
            doc(
                {
                    "a": seq(call(), to=to, error_handlers=[{"fallback_node": "c"}] if to == "z" else []),
                    "c": say("{{error}}"),
                }
            )
            for to in ("c", "z")
        ),
    ),
    warning(
        "CKP303",
        "error, not by an escalation",
        SAID,
        *(
            doc(
                {
                    "a": seq(
                        to=to, **({"sla": {"max_duration_ms": 5, "escalation_handler": "c"}} if to == "z" else {})
                    ),
                    "c": say("{{error}}"),
                }
            )
            for to in ("c", "z")
        ),
    ),
    warning(
        "CKP303",
        "error, not by on_failure",
        SAID,
        *(
            doc(
                {"a": seq(to=to), "c": say("{{error}}")},
                **({"global_config": {"on_failure": "c"}} if to == "z" else {}),
            )
            for to in ("c", "z")
        ),
    ),
    warning(
        "CKP303",
        "compensates",
        at("a", "steps", 0, "message"),
        doc({"a": say("{{compensates.result}}")}),
        undone("{{compensates.result}}"),
        left=(),
    ),
    warning("CKP303", "run in a key", "/global_config/dedupe/key", keyed("{{v}}{{attempt}}"), keyed("{{v}}{{today}}")),
    warning("CKP303", "run in a default", "/variables_schema/v/default", default("{{node_id}}"), default("{{run_id}}")),
]

SHAPES: list[Case] = [
    warning(
        "CKP304",
        "error",
        SAID,
        failed("{{error.mesage}}", "on_error"),
        failed("{{error.message}}", "on_error"),
        hint="Did you mean 'message'?",
    ),
    warning("CKP304", "trigger", SAID, doc({"c": say("{{trigger.kind}}")}), doc({"c": say("{{trigger.type}}")})),
    warning(
        "CKP304", "telemetry", SAID, doc({"c": say("{{telemetry.cost}}")}), doc({"c": say("{{telemetry.cost_usd}}")})
    ),
    warning(
        "CKP304",
        "compensates",
        at("a", "steps", 0, "compensate_with", "message"),
        undone("{{compensates.results}}"),
        undone("{{compensates.result}}"),
    ),
    warning(
        "CKP304",
        "approval",
        SAID,
        *(after(approval(to="c"), text) for text in ("{{approval.reason}}", "{{approval.comment}}")),
    ),
    warning(
        "CKP304",
        "named approval",
        SAID,
        *(after(approval(to="c", output_variable="x"), text) for text in ("{{x.reason}}", "{{x.comment}}")),
    ),
    warning(
        "CKP304",
        "verification",
        SAID,
        *(after(CHECKED, text, **N) for text in ("{{verification_result.ok}}", "{{verification_result.passed}}")),
    ),
    warning(
        "CKP304",
        "branch",
        SAID,
        *(
            doc({"p": parallel("a", to="c"), "a": seq(to="c"), "c": say(text)})
            for text in ("{{parallel_results.branches.b}}", "{{parallel_results.branches.a}}")
        ),
    ),
    warning(
        "CKP304",
        "validated value",
        SAID,
        *(
            after(seq(step("validate_schema", source="n", schema={}, output_variable="o"), to="c"), text, **N)
            for text in ("{{o.ok}}", "{{o.valid}}")
        ),
    ),
    warning("CKP304", "aggregate", SAID, aggregated("{{out.sum}}"), aggregated("{{out.sum_amount}}")),
    warning("CKP304", "closed schema", SAID, closed("{{o.totl}}"), closed("{{o.total}}"), hint="Did you mean 'total'?"),
    warning("CKP305", "number and text", ALLOWED, compared("n == '1'", n="number"), compared("n == 1", n="number")),
    warning("CKP305", "order of two kinds", ALLOWED, compared("s > 1", s="string"), compared("s > '1'", s="string")),
    warning("CKP305", "order of lists", ALLOWED, compared("s < s", s="array"), compared("s == s", s="array")),
    warning(
        "CKP305",
        "two variables",
        ALLOWED,
        compared("a == b", a="number", b="boolean"),
        compared("a == b", a="number", b="integer"),
    ),
    warning("CKP305", "in a chain", ALLOWED, compared("1 < n < 'x'", n="number"), compared("1 < n < 2", n="number")),
]

PUT = seq(put())
PARSE = {"type": "processing", "operations": [{"action": "parse_json", "source": "1", "output_variable": "x"}]}
SORT = change("sort", expression="x")
ROWS = {"variables_schema": inputs(n="number", rows="array")}

ONE_CAUSE: list[Case] = [
    error(
        "CKP301",
        "a name far from what is declared and unused",
        SAID,
        *(doc({"c": say("{{total}}")}, variables_schema={"v": {}, **more}) for more in ({}, inputs(total="number"))),
        beside=("CKP126",),
        left=("CKP126",),
    ),
    error(
        "CKP203",
        "what its node would set",
        at("b", "type"),
        *(beside(PUT | {"type": name}) for name in ("sequnce", "sequence")),
        left=("CKP302",),
    ),
    error(
        "CKP203",
        "what its node would set unasked",
        at("b", "type"),
        *(beside(CHECKED | {"type": name}, "{{verification_result}}") for name in ("verfication", "verification")),
        left=("CKP302",),
    ),
    error(
        "CKP504",
        "what its operation would set",
        at("b", "operations", 0, "action"),
        *(
            beside(PARSE | {"operations": [PARSE["operations"][0] | {"action": name}]})
            for name in ("parse_jsn", "parse_json")
        ),
        left=("CKP302",),
    ),
    error(
        "CKP013",
        "what its transformation would set",
        at("b", "transformations", 0, "type"),
        *(
            beside(SORT | {"transformations": [SORT["transformations"][0] | {"type": name}]}, "{{out}}", **ROWS)
            for name in ("srt", "sort")
        ),
        left=("CKP302",),
    ),
    error(
        "CKP205",
        "what lies behind the lost node",
        at("a", "rules", 0, "next_node"),
        *(
            doc({"a": logic(("n > 1", to), default="c"), "b": PUT | {"next_node": "c"}, "c": say()}, **N)
            for to in ("bb", "b")
        ),
        left=("CKP302",),
    ),
    error(
        "CKP012",
        "a variable that is declared with it",
        "/variables_schema/x",
        *(doc({"c": say()}, variables_schema={"x": meta}) for meta in (5, {})),
        left=("CKP302",),
    ),
]

CASES: list[Case] = [*NEVER, *DOUBTFUL, *SHAPES, *ONE_CAUSE]
