"""Variables where they are read, along every path."""

import pytest

from tests.unit.ckp.compiling import (
    Case,
    approval,
    at,
    call,
    change,
    doc,
    found,
    ids,
    inputs,
    logic,
    loop,
    model,
    op,
    parallel,
    seq,
    step,
)


def put(name="x", value=1, step_id=None, **fields):
    """A step that sets a variable."""
    return step("set_variable", step_id or f"put_{name}", variable=name, value=value, **fields)


def say(text="{{x}}", **fields):
    """A step that reads."""
    return step(message=text, **fields)


N = {"variables_schema": inputs(n="number")}
SAID = at("c", "steps", 0, "message")
WARNED = [("CKP302", SAID)]
NEVER = [("CKP301", SAID)]
CAPPED = {"global_config": {"max_cost_usd": 1}}
CHILD = {"type": "subflow", "procedure_id": "child", "version": "1.0.0", "next_node": "c"}
CHECKED = {"type": "verification", "checks": [{"id": "k", "condition": "n > 1"}], "next_node": "c"}

PATHS: list[Case] = [
    ("set before", doc({"a": seq(put(), to="c"), "c": seq(say())}), []),
    ("set in the same node", doc({"c": seq(put(), say())}), []),
    ("set later in the same node", doc({"c": seq(say(), put())}), NEVER),
    (
        "set on one branch",
        doc({"a": logic(("n > 1", "b"), default="c"), "b": seq(put(), to="c"), "c": seq(say())}, **N),
        WARNED,
    ),
    (
        "set on both branches",
        doc(
            {
                "a": logic(("n > 1", "b"), default="d"),
                "b": seq(put(), to="c"),
                "d": seq(put(), to="c"),
                "c": seq(say()),
            },
            **N,
        ),
        [],
    ),
    ("set behind", doc({"c": seq(say(), to="a"), "a": seq(put())}), NEVER),
    (
        "set in an earlier round",
        doc({"c": seq(say(), to="a"), "a": seq(put(), to="b"), "b": logic(("n > 1", "c"))}, **N),
        [("CKP-L05", at("c")), *WARNED],
    ),
    (
        "with a default",
        doc(
            {"a": logic(("n > 1", "b"), default="c"), "b": seq(put(), to="c"), "c": seq(say("{{x|default('-')}}"))}, **N
        ),
        [],
    ),
    (
        "asked whether it is defined",
        doc({"a": logic(("n > 1", "b"), default="c"), "b": seq(put(), to="c"), "c": logic(("x is defined", "z"))}, **N),
        [],
    ),
    ("lost when the node fails", doc({"a": seq(put(), call(), to="z", on_error="c"), "c": seq(say())}), WARNED),
    (
        "kept when a later node fails",
        doc({"a": seq(put(), to="b"), "b": seq(call(), on_error="c"), "c": seq(say())}),
        [],
    ),
    (
        "lost in a fallback",
        doc({"a": seq(put(), call(), error_handlers=[{"fallback_node": "c"}]), "c": seq(say())}),
        WARNED,
    ),
    ("result of a step", doc({"a": seq(call(output_variable="x"), to="c"), "c": seq(say())}), []),
    ("parts of a step", doc({"a": seq(call(outputs={"x": "$.id"}), to="c"), "c": seq(say())}), []),
    ("parts of the last step", doc({"a": seq(call(), outputs={"x": "$.id"}, to="c"), "c": seq(say())}), []),
    ("appended", doc({"a": seq(step("append_to_array", array="x", value=1), to="c"), "c": seq(say())}), []),
    ("dotted", doc({"a": seq(put("x.y"), to="c"), "c": seq(say("{{x.y}}"))}), []),
    (
        "of an operation",
        doc({"a": op("calculate", expression="1", output_variable="x") | {"next_node": "c"}, "c": seq(say())}),
        [],
    ),
    (
        "of a transformation",
        doc(
            {"a": change("filter", expression="true") | {"next_node": "c"}, "c": seq(say("{{out}}"))},
            variables_schema=inputs(rows="array"),
        ),
        [],
    ),
    ("of a verification", doc({"a": CHECKED, "c": seq(say("{{verification_result.passed}}"))}, **N), []),
    (
        "of a model",
        doc({"a": model(to="c"), "c": seq(say("{{llm_output}}"))}, variables_schema=inputs(topic="string"), **CAPPED),
        [],
    ),
    (
        "of a model that gives parts",
        doc(
            {"a": model(to="c", outputs={"x": "text"}), "c": seq(say("{{llm_output}}"))},
            variables_schema=inputs(topic="string"),
            **CAPPED,
        ),
        NEVER,
    ),
    (
        "of a named approval",
        doc({"a": approval(to="c", output_variable="x"), "c": seq(say("{{x.comment}}{{approval.via}}"))}),
        [],
    ),
    ("of a child", doc({"a": CHILD, "c": seq(say("{{subflow_output}}"))}), []),
    ("parts of a child", doc({"a": CHILD | {"output_mapping": {"x": "total"}}, "c": seq(say())}), []),
    ("a child's failure", doc({"a": CHILD | {"on_failure": "continue"}, "c": seq(say("{{subflow_error}}"))}), WARNED),
    (
        "what a model did not choose",
        doc(
            {
                "a": model(to=None, orchestration_mode=True, branches=["b"], default_branch="c", outputs={"x": "text"}),
                "b": seq(say()),
                "c": seq(say()),
            },
            variables_schema=inputs(topic="string"),
            **CAPPED,
        ),
        [("CKP-L04", at("a")), *WARNED],
    ),
    ("inputs of the node", doc({"c": seq(say(), inputs={"x": "{{n}}"})}, **N), []),
    (
        "back to a checkpoint",
        doc(
            {"c": seq(step("set_checkpoint", name="k"), put(), step("restore_checkpoint", name="k"), say(step_id="s"))}
        ),
        [("CKP302", at("c", "steps", 3, "message"))],
    ),
    (
        "in the failure route",
        doc({"a": seq(put(), to="z"), "c": seq(say())}, global_config={"on_failure": "c"}),
        WARNED,
    ),
    ("built-ins", doc({"c": seq(say("{{run_id}} {{today}} {{trigger.type}} {{telemetry.steps}} {{attempt}}"))}), []),
    ("older roots", doc({"a": seq(put(), to="c"), "c": seq(say("{{vars.x}}"))}), []),
    (
        "text that names a variable",
        doc({"a": seq(put(), to="z"), "z": {"type": "terminate", "outputs": {"o": "x", "p": "just text"}}}),
        [],
    ),
    (
        "text that may name a variable",
        doc(
            {
                "a": logic(("n > 1", "b")),
                "b": seq(put(), to="c"),
                "c": {
                    "type": "subflow",
                    "procedure_id": "child",
                    "version": "1.0.0",
                    "input_mapping": {"i": "x"},
                    "next_node": "z",
                },
                "z": {"type": "terminate", "outputs": {"o": "x", "p": "y"}},
            },
            **N,
        ),
        [("CKP302", at("z", "outputs", "o"))],
    ),
    ("validation after the steps", doc({"c": seq(put(), validations=[{"condition": "x > 0"}])}), []),
    (
        "handler sees what may be",
        doc({"c": seq(put(), call(), error_handlers=[{"action": "retry", "recovery_steps": [say(step_id="r")]}])}),
        [("CKP302", at("c", "error_handlers", 0, "recovery_steps", 0, "message"))],
    ),
    (
        "compensation sees all there ever is",
        doc({"a": seq(call(compensate_with=say("{{late}} {{compensates.result}}")), to="b"), "b": seq(put("late"))}),
        [],
    ),
    (
        "compensation reads nothing that never is",
        doc({"a": seq(call(compensate_with=say("{{x}}")))}),
        [("CKP301", at("a", "steps", 0, "compensate_with", "message"))],
    ),
]

BODY = {"l": loop("b", to="c", iterator_variable="it", index_variable="i")}
IN_LOOPS: list[Case] = [
    ("the item inside", doc({**BODY, "b": seq(say("{{it}} {{i}}"), to="l"), "c": seq(say("done"))}), []),
    ("the item outside", doc({**BODY, "b": seq(to="l"), "c": seq(say("{{it}}"))}), NEVER),
    ("what the body set", doc({**BODY, "b": seq(put(), to="l"), "c": seq(say())}), WARNED),
    (
        "what an earlier iteration set",
        doc({**BODY, "b": seq(say(), put(), to="l"), "c": seq()}),
        [("CKP302", at("b", "steps", 0, "message"))],
    ),
    ("collected", doc({"l": BODY["l"] | {"collect_variable": "x"}, "b": seq(to="l"), "c": seq(say())}), []),
    (
        "collected parts",
        doc({"l": BODY["l"] | {"collect_variable": "x", "collect": "y"}, "b": seq(put("y"), to="l"), "c": seq(say())}),
        [],
    ),
    (
        "collected parts that may be missing",
        doc(
            {
                "l": BODY["l"] | {"collect_variable": "x", "collect": "y"},
                "b": logic(("n > 1", "d"), default="l"),
                "d": seq(put("y"), to="l"),
                "c": seq(say()),
            },
            **N,
        ),
        [("CKP302", at("l", "collect"))],
    ),
    (
        "errors of iterations",
        doc(
            {"l": BODY["l"] | {"continue_on_error": True}, "b": seq(to="l"), "c": seq(say("{{l_errors|default([])}}"))}
        ),
        [],
    ),
    (
        "what a failed iteration left",
        doc(
            {
                "l": BODY["l"] | {"continue_on_error": True},
                "b": seq(put(), call(), to="stop"),
                "stop": {"type": "terminate"},
                "c": seq(say()),
            }
        ),
        WARNED,
    ),
    (
        "until sees the end of the iteration",
        doc(
            {
                "l": {"type": "loop", "until": "x > 1", "max_iterations": 9, "body_node": "b", "next_node": "z"},
                "b": seq(put(), to="l"),
            }
        ),
        [],
    ),
    (
        "a condition before does not",
        doc(
            {
                "l": {
                    "type": "loop",
                    "continue_condition": "x > 1",
                    "max_iterations": 9,
                    "body_node": "b",
                    "next_node": "z",
                },
                "b": seq(put(), to="l"),
            }
        ),
        [("CKP302", at("l", "continue_condition"))],
    ),
    (
        "break",
        doc({**BODY, "b": logic(("n > 1", "d"), default="l"), "d": seq(put(), to="c"), "c": seq(say())}, **N),
        WARNED,
    ),
    (
        "inner loop",
        doc(
            {
                **BODY,
                "b": loop("d", to="l", iterator_variable="it2"),
                "d": seq(say("{{it}} {{it2}}"), to="b"),
                "c": seq(),
            }
        ),
        [],
    ),
]

FORK = {"p": parallel("a", "b", to="c")}
IN_PARALLEL: list[Case] = [
    (
        "all branches are needed",
        doc({**FORK, "a": seq(put(), to="c"), "b": seq(put("y"), to="c"), "c": seq(say("{{x}}{{y}}"))}),
        [],
    ),
    (
        "branches may fail",
        doc(
            {
                "p": parallel("a", "b", to="c", branch_failure="continue"),
                "a": seq(put(), to="c"),
                "b": seq(to="c"),
                "c": seq(say("{{x}}{{parallel_results.errors.a}}")),
            }
        ),
        WARNED,
    ),
    (
        "retried branches are needed",
        doc(
            {
                "p": parallel("a", "b", to="c", branch_failure="retry"),
                "a": seq(put(), to="c"),
                "b": seq(to="c"),
                "c": seq(say()),
            }
        ),
        [],
    ),
    (
        "one of them is enough",
        doc(
            {
                "p": parallel("a", "b", to="c", wait_strategy="any"),
                "a": seq(put(), to="c"),
                "b": seq(to="c"),
                "c": seq(say()),
            }
        ),
        WARNED,
    ),
    (
        "one is enough, both set it",
        doc(
            {
                "p": parallel("a", "b", to="c", wait_strategy="any"),
                "a": seq(put(), to="c"),
                "b": seq(put(), to="c"),
                "c": seq(say()),
            }
        ),
        [("CKP220", at("p", "branches", 1))],
    ),
    (
        "set on a part of a branch",
        doc(
            {
                **FORK,
                "a": logic(("n > 1", "d"), default="c"),
                "d": seq(put(), to="c"),
                "b": seq(to="c"),
                "c": seq(say()),
            },
            **N,
        ),
        WARNED,
    ),
    (
        "branches do not see each other",
        doc({**FORK, "a": seq(put(), to="c"), "b": seq(say(), to="c"), "c": seq()}),
        [("CKP301", at("b", "steps", 0, "message"))],
    ),
    (
        "branch without end",
        doc({**FORK, "a": seq(to="stop"), "stop": {"type": "terminate"}, "b": seq(put(), to="c"), "c": seq(say())}),
        [("CKP219", at("p", "branches", 0))],
    ),
    (
        "no branch ends",
        doc({**FORK, "a": seq(to="stop"), "stop": {"type": "terminate"}, "b": seq(to="stop"), "c": seq(say("x"))}),
        [("CKP219", at("p", "branches", 0)), ("CKP219", at("p", "branches", 1))],
    ),
    (
        "inner fork",
        doc(
            {
                **FORK,
                "a": parallel("d", "e", to="c"),
                "d": seq(put(), to="c"),
                "e": seq(to="c"),
                "b": seq(to="c"),
                "c": seq(say()),
            }
        ),
        [],
    ),
]

SCOPES: list[Case] = [
    (
        "columns are not checked",
        doc(
            {"a": change("filter", expression="amount > 1 and item.status == 'x' and index < 5")},
            variables_schema=inputs(rows="array"),
        ),
        [],
    ),
    (
        "a fold has its result",
        doc({"a": change("reduce", expression="acc + item.amount")}, variables_schema=inputs(rows="array")),
        [],
    ),
    (
        "a value has its name",
        doc({"a": change("expression", expression="value.first + x")}, variables_schema=inputs(rows="array")),
        [("CKP301", at("a", "transformations", 0, "expression"))],
    ),
    ("fields of a map", doc({"a": change("map", fields={"k": "item.k"})}, variables_schema=inputs(rows="array")), []),
    (
        "key over the inputs",
        doc(
            global_config={"concurrency": {"max_runs": 1, "key": "{{n}}-{{m}}-{{o}}-{{run_id}}-{{k|default('')}}"}},
            variables_schema={**inputs(n="number"), "m": {}, "k": {}},
        ),
        [("CKP301", "/global_config/concurrency/key"), ("CKP302", "/global_config/concurrency/key")],
    ),
    (
        "default over the start",
        doc(
            variables_schema={"n": {"default": "{{today}} {{run_id}} {{m}} {{attempt}}"}, "m": {"default": 1}},
            outputs_schema={"n": {}, "m": {}},
        ),
        [("CKP301", "/variables_schema/n/default"), ("CKP303", "/variables_schema/n/default")],
    ),
    (
        "mapping over the trigger",
        doc(trigger={"type": "webhook", "webhook_secret": "s", "input_mapping": {"n": "trigger.payload.n + m"}}, **N)
        | {"outputs_schema": {"n": {}}},
        [("CKP301", "/trigger/input_mapping/n")],
    ),
    ("error where nothing failed", doc({"c": seq(say("{{error.message}}"))}), [("CKP303", SAID)]),
    (
        "error in a handler",
        doc({"c": seq(call(), error_handlers=[{"action": "fail", "error_metadata": {"m": "{{error.message}}"}}])}),
        [],
    ),
    ("compensates elsewhere", doc({"c": seq(say("{{compensates.result}}"))}), [("CKP303", SAID)]),
]

ALL = PATHS + IN_LOOPS + IN_PARALLEL + SCOPES


@pytest.mark.parametrize(("name", "source", "expected"), ALL, ids=ids(ALL))
def test_reads_are_judged_by_every_path(name, source, expected):
    assert found(source) == expected
