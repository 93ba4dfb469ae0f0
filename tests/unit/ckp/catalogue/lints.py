"""CKP-L01 to CKP-L15: advice on design."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, blocker, info, warning
from tests.unit.ckp.compiling import approval, at, call, doc, inputs, logic, loop, model, op, parallel, seq, step
from tests.unit.ckp.registries import offering

TOPIC: dict[str, Any] = {"variables_schema": inputs(topic="string")}
ASKED: dict[str, Any] = {"global_config": {"max_cost_usd": 1}, **TOPIC}
STEP = at("a", "steps", 0)
COND = at("c", "rules", 0, "condition")
BODY = at("c", "steps", 0, "body")
PAY = seq(call("pay", side_effect="irreversible"))
PLAN = {"error_handlers": [{"action": "fail"}]}


def asked(**fields: Any) -> dict[str, Any]:
    """A document with a model."""
    return doc({"a": model(**fields)}, **ASKED)


def writing(*between: dict[str, Any], **nodes: Any) -> dict[str, Any]:
    """A model that writes `amount`, at most one node `v` between, and what reads it."""
    found = {"v": between[0] | {"next_node": "c"}} if between else {}
    first = next(iter({**found, **nodes}))
    return doc({"a": model(outputs={"amount": "text"}, to=first), **found, **nodes}, **ASKED)


def checked(condition: str = "amount is number", **fields: Any) -> dict[str, Any]:
    """A verification."""
    return {"type": "verification", "checks": [{"condition": condition, **fields}]}


def repeated(**fields: Any) -> dict[str, Any]:
    """A repeat loop."""
    node = {"type": "loop", "until": "topic == 'x'", "body_node": "b", "next_node": "z", **fields}
    return doc({"a": node, "b": seq(to="a")}, **TOPIC)


def chain(count: int) -> dict[str, Any]:
    """Nodes in a row, the end included."""
    names = [f"n{index}" for index in range(count - 1)]
    return doc({name: seq(to=to) for name, to in zip(names, [*names[1:], "z"], strict=True)})


def paying(**nodes: Any) -> dict[str, Any]:
    """A document with an irreversible call in `a`, and nodes before it."""
    return doc({**nodes, "a": PAY}, **TOPIC, outputs_schema={"topic": {}})


def unlimited(action: str = "get_page", **fields: Any) -> dict[str, Any]:
    """A call without a limit."""
    return {"step_id": "s", "action": action, "agent": "WEB", **fields}


def done(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A document with a sequence."""
    return doc({"a": seq(*steps, **fields)})


def forked(text: str) -> dict[str, Any]:
    """A document whose branches may fail."""
    node = parallel("b", to="c", branch_failure="continue")
    return doc({"a": node, "b": seq(to="c"), "c": seq(step(message=text))})


DECIDING = {"c": logic(("amount > 1", "z"))}
POSTING = {"c": seq(call("post_invoice", body="{{amount}}"))}
NOTICE = op("notify", channel="email", message="{{amount}}")

MODELS: list[Case] = [
    blocker(
        "CKP-L01", "no cap", at("a"), doc({"a": model()}, **TOPIC), asked(), hint="Set global_config.max_cost_usd."
    ),
    blocker(
        "CKP-L01",
        "no budget",
        at("a"),
        *(
            doc({"a": model()}, **TOPIC, global_config=config)
            for config in ({}, {"llm_budget": {"max_tokens_per_run": 5}})
        ),
    ),
    warning("CKP-L02", "unguarded", COND, writing(**DECIDING), writing(checked(), **DECIDING)),
    warning(
        "CKP-L02",
        "a check that merely warns",
        COND,
        *(writing(checked(on_fail=rule), **DECIDING) for rule in ("warn", "fail_workflow")),
    ),
    warning(
        "CKP-L02",
        "a check of something else",
        COND,
        writing(checked("topic != ''"), **DECIDING),
        writing(checked(), **DECIDING),
    ),
    warning("CKP-L02", "no person", COND, writing(**DECIDING), writing(v=approval(to="c"), **DECIDING)),
    warning(
        "CKP-L02",
        "computed",
        COND,
        *(
            writing(
                b=op("calculate", expression=text, output_variable="twice") | {"next_node": "c"},
                c=logic(("twice > 1", "z")),
            )
            for text in ("amount * 2", "topic.length")
        ),
    ),
    warning(
        "CKP-L02",
        "a loop's end",
        at("c", "until"),
        *(
            writing(
                c={"type": "loop", "until": text, "max_iterations": 3, "body_node": "b", "next_node": "z"},
                b=seq(to="c"),
            )
            for text in ("amount > 1", "topic == 'x'")
        ),
    ),
    warning(
        "CKP-L02",
        "an item of its list",
        COND,
        *(
            doc(
                {
                    "a": model(outputs={"rows": "text"}, to="l"),
                    "l": loop("c", iterator=source, iterator_variable="row"),
                    "c": logic(("row > 1", "l"), default="l"),
                },
                **ASKED,
            )
            for source in ("rows", "[1, 2]")
        ),
    ),
    warning("CKP-L03", "unguarded", BODY, writing(**POSTING), writing(checked(), **POSTING)),
    warning(
        "CKP-L03", "writes", BODY, *(writing(c=seq(call(name, body="{{amount}}"))) for name in ("post_it", "get_it"))
    ),
    warning(
        "CKP-L03",
        "declared",
        BODY,
        *(writing(c=seq(call("it", side_effect=effect, body="{{amount}}"))) for effect in ("write", "read")),
    ),
    warning("CKP-L03", "notice", at("c", "operations", 0, "message"), writing(c=NOTICE), writing(checked(), c=NOTICE)),
    warning(
        "CKP-L04",
        "nine outputs",
        at("a"),
        *(asked(outputs={f"o{one}": "text" for one in range(count)}) for count in (9, 8)),
    ),
    warning(
        "CKP-L04",
        "choice and outputs",
        at("a"),
        *(asked(to=None, orchestration_mode=True, branches=["z"], outputs=outputs) for outputs in ({"o": "text"}, {})),
    ),
    info("CKP-L08", "no placeholder", at("a"), doc({"a": model("Tell.")}, global_config={"max_cost_usd": 1}), asked()),
    info(
        "CKP-L08",
        "none in the system prompt",
        at("a"),
        *(
            doc({"a": model("Tell.", system_prompt=text)}, global_config={"max_cost_usd": 1})
            for text in ("Now.", "{{today}}")
        ),
    ),
    info(
        "CKP-L08",
        "none attached",
        at("a"),
        *(
            doc(
                {"a": model("Tell.", attachments=[{"type": "text", "source": text}])}, global_config={"max_cost_usd": 1}
            )
            for text in ("s3://b/x", "{{trigger}}")
        ),
    ),
    info(
        "CKP-L08",
        "placeholder without a name",
        at("a"),
        *(doc({"a": model(text)}, global_config={"max_cost_usd": 1}) for text in ("Tell {1}.", "Tell {{1}}.")),
    ),
    warning("CKP-L13", "json", at("a", "outputs"), *(asked(outputs={"o": mapping}) for mapping in ("json:a", "text"))),
    warning(
        "CKP-L13",
        "path",
        at("a", "outputs"),
        asked(outputs={"o": "$.a"}),
        asked(outputs={"o": "$.a"}, output_schema={}),
    ),
    warning(
        "CKP-L14",
        "sensitive",
        at("a", "prompt"),
        *(
            doc(
                {"a": model()},
                global_config={"max_cost_usd": 1},
                variables_schema={"topic": {"sensitive": on, "required": True}},
            )
            for on in (True, False)
        ),
    ),
    warning(
        "CKP-L14",
        "computed",
        at("a", "prompt"),
        *(
            doc(
                {"b": op("format_string", template=text, output_variable="topic") | {"next_node": "a"}, "a": model()},
                global_config={"max_cost_usd": 1},
                variables_schema={"pin": {"type": "password", "required": True}},
                outputs_schema={"pin": {}},
            )
            for text in ("{{pin}}", "{{run_id}}")
        ),
    ),
]

GRAPH: list[Case] = [
    warning("CKP-L05", "loop without bound", at("a"), repeated(), repeated(max_iterations=3)),
    warning("CKP-L05", "loop over null", at("a"), repeated(iterator=None), repeated(iterator="[1]")),
    warning(
        "CKP-L05",
        "cycle",
        at("a"),
        *(doc({"a": seq(to="b"), "b": logic(("topic == 'x'", to))}, **TOPIC) for to in ("a", "z")),
    ),
    warning(
        "CKP-L05",
        "cycle in a body",
        at("b"),
        *(
            doc({"l": loop("b"), "b": seq(to="c"), "c": logic(("topic == 'x'", to), default="l")}, **TOPIC)
            for to in ("b", "l")
        ),
    ),
    info("CKP-L09", "61 nodes", "/workflow_graph/nodes", chain(61), chain(60)),
    warning(
        "CKP-L06",
        "nobody",
        at("a", "timeout_action"),
        *(doc({"a": approval(due_in="1h", timeout_action=act)}) for act in ("auto_approve", "auto_reject")),
    ),
    warning("CKP-L15", "never read", at("a"), forked("{{run_id}}"), forked("{{parallel_results.errors}}")),
    warning(
        "CKP-L15",
        "no failure goes on",
        at("a"),
        *(doc({"a": parallel("b", branch_failure=rule), "b": seq()}) for rule in ("continue", "fail")),
    ),
]

CALLS: list[Case] = [
    warning("CKP-L07", "no gate", STEP, paying(), paying(g=approval(to="a"))),
    warning(
        "CKP-L07", "reversible", STEP, *(done(call("pay", side_effect=effect)) for effect in ("irreversible", "write"))
    ),
    warning(
        "CKP-L07",
        "declared",
        STEP,
        done(call("pay")),
        done(call("ask")),
        registry=offering("pay", side_effect="irreversible"),
        left=("CKP502",),
    ),
    warning("CKP-L07", "behind a rejection", STEP, *(paying(g=approval(to="a", on_reject=to)) for to in ("a", "z"))),
    warning("CKP-L07", "behind a time-out", STEP, *(paying(g=approval(to="a", on_timeout=to)) for to in ("a", "z"))),
    warning(
        "CKP-L07",
        "behind an option",
        STEP,
        *(
            paying(
                g=approval(
                    to=None, decision_type="select_option", options=[{"value": "x", "next_node": "a"}], on_timeout=to
                )
            )
            for to in ("a", "z")
        ),
    ),
    warning(
        "CKP-L07",
        "a way round",
        STEP,
        *(paying(s=logic(("topic == 'x'", "g"), default=to), g=approval(to="a")) for to in ("a", "z")),
    ),
    warning(
        "CKP-L07",
        "one approval after another's time-out",
        STEP,
        *(paying(g=approval(to="a", on_timeout="h"), h=approval(to="a", on_timeout=to)) for to in ("a", "z")),
    ),
    warning(
        "CKP-L07",
        "either of two approvals",
        STEP,
        *(
            paying(
                s=logic(("topic == 'x'", "g"), ("topic == 'y'", to), default="h"),
                g=approval(to="a"),
                h=approval(to="a"),
            )
            for to in ("a", "z")
        ),
    ),
    warning(
        "CKP-L07",
        "behind a failure",
        STEP,
        *(
            doc({"g": approval(to="a", on_reject="y"), "y": seq(call(), to="z", on_error=to), "a": PAY})
            for to in ("a", "z")
        ),
    ),
    warning(
        "CKP-L07",
        "in a body",
        at("b", "steps", 0),
        *(doc({**before, "l": loop("b"), "b": PAY | {"next_node": "l"}}) for before in ({}, {"g": approval(to="l")})),
    ),
    warning(
        "CKP-L10",
        "no kept keys",
        STEP,
        *(done(call(name, retry_on_failure=True)) for name in ("pay", "get_paid")),
        registry=offering("pay"),
        left=("CKP502",),
    ),
    warning(
        "CKP-L10",
        "no retry",
        STEP,
        *(done(call("pay", retry_on_failure=retry)) for retry in (True, False)),
        registry=offering("pay"),
    ),
    info("CKP-L11", "call", STEP, done(unlimited(), **PLAN), done(unlimited(timeout_ms=1), **PLAN)),
    info(
        "CKP-L11", "policy", STEP, done(unlimited(), **PLAN), done(unlimited(timeout_policy={"timeout_ms": 1}), **PLAN)
    ),
    info("CKP-L11", "limit of the node", STEP, done(unlimited(), **PLAN), done(unlimited(), timeout_ms=1, **PLAN)),
    info(
        "CKP-L11",
        "model",
        at("a"),
        *(
            doc(
                {"a": {"type": "llm_action", "prompt": "{{topic}}", "next_node": "z", "on_error": "z", **limit}},
                **ASKED,
            )
            for limit in ({}, {"timeout_ms": 1})
        ),
    ),
    warning("CKP-L12", "no plan", at("a"), done(call()), done(call(), **PLAN)),
    warning("CKP-L12", "no route", at("a"), done(call()), done(call(), on_error="z")),
    warning(
        "CKP-L12", "no failure route", at("a"), done(call()), doc({"a": seq(call())}, global_config={"on_failure": "z"})
    ),
    warning("CKP-L12", "no call", at("a"), done(call()), done(step())),
]

CASES: list[Case] = [*MODELS, *GRAPH, *CALLS]
