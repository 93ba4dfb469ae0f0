"""CKP010 to CKP017: what stands in the fields, whatever they mean."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, error, warning
from tests.unit.ckp.compiling import (
    approval,
    at,
    call,
    change,
    doc,
    inputs,
    logic,
    loop,
    model,
    op,
    parallel,
    seq,
    step,
)

N = {"variables_schema": inputs(n="number")}
ROWS = {"variables_schema": inputs(rows="array")}
ASKED: dict[str, Any] = {"variables_schema": inputs(topic="string"), "global_config": {"max_cost_usd": 1}}
CHECK = {"type": "verification", "next_node": "z"}
LLM = {"type": "llm_action", "timeout_ms": 1, "next_node": "z"}
LONGEST_MS = 31 * 24 * 60 * 60 * 1000
STEP = at("a", "steps", 0)


def without(source: dict[str, Any], key: str) -> dict[str, Any]:
    """A node or root that lacks a field."""
    return {name: value for name, value in source.items() if name != key}


def config(**settings: Any) -> dict[str, Any]:
    """A document with settings."""
    return doc(global_config=settings)


def asked(**fields: Any) -> dict[str, Any]:
    """A document with a model."""
    return doc({"a": model(**fields)}, **ASKED)


def done(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A document with a sequence."""
    return doc({"a": seq(*steps, **fields)})


def repeated(**fields: Any) -> dict[str, Any]:
    """A document with a loop and its body."""
    return doc({"a": loop("b", **fields), "b": seq(to="a")})


UNKNOWN: list[Case] = [
    warning("CKP010", "root", "/nam", doc(nam="x"), doc(name="x"), hint="Did you mean 'name'?"),
    warning("CKP010", "settings", "/global_config/timeot_ms", config(timeot_ms=1), config(timeout_ms=1)),
    warning("CKP010", "node", at("a", "descripton"), done(descripton="x"), done(description="x")),
    warning("CKP010", "no note", at("a", "colour"), done(colour="red"), done(**{"x-colour": "red"})),
    warning(
        "CKP010", "internal action", f"{STEP}/url", done(step(url="x")), done(call("log", binding="agent", url="x"))
    ),
    warning(
        "CKP010",
        "parameter of an internal action",
        f"{STEP}/params/url",
        done(step(params={"url": "x"})),
        done(call("say", params={"url": "x"})),
    ),
    warning(
        "CKP010",
        "operation",
        at("a", "operations", 0, "levl"),
        doc({"a": op("log", message="x", levl="INFO")}),
        doc({"a": op("log", message="x", level="INFO")}),
        hint="Did you mean 'level'?",
    ),
    warning(
        "CKP010",
        "transformation",
        at("a", "transformations", 0, "hows"),
        doc({"a": change("join", expression="k", **{"with": "rows"}, hows="left")}, **ROWS),
        doc({"a": change("join", expression="k", **{"with": "rows"}, how="left")}, **ROWS),
        hint="Did you mean 'how'?",
    ),
    warning(
        "CKP010",
        "where any other key is allowed",
        "/release/editor",
        doc(release={"editor": "x"}),
        doc(provenance={"editor": "x"}),
        beside=("CKP106",),
    ),
]

MISSING: list[Case] = [
    error("CKP011", "id", "", without(doc(), "procedure_id"), doc()),
    error("CKP011", "version", "", without(doc(), "version"), doc()),
    error("CKP011", "graph", "", without(doc(), "workflow_graph"), doc()),
    error(
        "CKP011", "type of a node", at("a"), doc({"a": {"next_node": "z"}}), doc({"a": {"type": "sequence"} | seq()})
    ),
    error("CKP011", "steps", at("a"), doc({"a": without(seq(), "steps")}), done()),
    error("CKP011", "action", STEP, done({"step_id": "s"}), done(step(step_id="s"))),
    error("CKP011", "log of nothing", STEP, done(without(step(), "message")), done(step())),
    error("CKP011", "wait for nothing", STEP, done(step("wait")), done(step("wait", duration="1s"))),
    error(
        "CKP011",
        "result of an operation",
        at("a", "operations", 0),
        doc({"a": op("calculate", expression="1")}),
        doc({"a": op("calculate", expression="1", output_variable="o")}),
    ),
    error(
        "CKP011",
        "key of a digest",
        at("a", "operations", 0),
        doc({"a": op("hash", source="x", algorithm="hmac-sha256", output_variable="o")}),
        doc({"a": op("hash", source="x", algorithm="sha256", output_variable="o")}),
    ),
    error(
        "CKP011",
        "map of nothing",
        at("a", "transformations", 0),
        doc({"a": change("map")}, **ROWS),
        doc({"a": change("map", expression="x")}, **ROWS),
    ),
    error(
        "CKP011",
        "target of a rule",
        at("a", "rules", 0),
        doc({"a": logic() | {"rules": [{"condition": "n > 1"}]}}, **N),
        doc({"a": logic(("n > 1", "z"))}, **N),
    ),
    error(
        "CKP011", "body of a loop", at("a"), doc({"a": without(loop("b"), "body_node"), "b": seq(to="a")}), repeated()
    ),
    error("CKP011", "prompt", at("a"), doc({"a": LLM}, global_config={"max_cost_usd": 1}), asked()),
    error(
        "CKP011",
        "choices of a model",
        at("a"),
        asked(to=None, orchestration_mode=True, default_branch="z"),
        asked(to=None, orchestration_mode=True, default_branch="z", branches=["z"]),
    ),
    error(
        "CKP011",
        "options",
        at("a"),
        doc({"a": approval(decision_type="select_option")}),
        doc({"a": approval(decision_type="select_option", options=["x"])}),
    ),
    error(
        "CKP011",
        "schema beside a source",
        at("a", "checks", 0),
        doc({"a": CHECK | {"checks": [{"source": "n"}]}}, **N),
        doc({"a": CHECK | {"checks": [{"source": "n", "schema": {}}]}}, **N),
    ),
    error(
        "CKP011",
        "condition of a validation",
        at("a", "validations", 0),
        done(validations=[{}]),
        done(validations=[{"condition": "true"}]),
    ),
    error(
        "CKP011",
        "bounds of a range",
        at("a", "validations", 0),
        done(validations=[{"check": "value_in_range", "source": "attempt"}]),
        done(validations=[{"check": "value_in_range", "source": "attempt", "expected_values": [1, 2]}]),
    ),
]

TYPES: list[Case] = [
    error("CKP012", "text for a number", "/global_config/timeout_ms", config(timeout_ms="5"), config(timeout_ms=5)),
    error("CKP012", "no number as text", at("a", "timeout_ms"), done(timeout_ms="5s"), done(timeout_ms="5")),
    error("CKP012", "fraction", "/global_config/max_retries", config(max_retries=1.5), config(max_retries=1.0)),
    error("CKP012", "true for a number", "/global_config/max_retries", config(max_retries=True), config(max_retries=1)),
    error("CKP012", "number for true", at("a", "is_checkpoint"), done(is_checkpoint=1), done(is_checkpoint=True)),
    error("CKP012", "text for a list", at("a", "steps"), doc({"a": seq() | {"steps": "x"}}), done()),
    error("CKP012", "null for a required field", at("a", "steps"), doc({"a": seq() | {"steps": None}}), done()),
    error("CKP012", "number for a target", at("a", "next_node"), done(to=5), done()),
    error(
        "CKP012",
        "number for a default",
        at("a", "default_next_node"),
        doc({"a": logic(default=5)}),
        doc({"a": logic()}),
    ),
    error("CKP012", "number for a route", at("a", "on_approve"), doc({"a": approval(to=5)}), doc({"a": approval()})),
    error("CKP012", "number for a prompt", at("a", "prompt"), asked(prompt=5), asked(), left=()),
    error(
        "CKP012",
        "number for a schedule",
        "/trigger/schedule",
        *(doc(trigger={"type": "scheduled", "schedule": schedule}) for schedule in (5, "5 * * * *")),
    ),
    error(
        "CKP012",
        "number for a failure route",
        "/global_config/on_failure",
        *(doc({"a": seq(), "b": {"type": "terminate"}}, global_config={"on_failure": target}) for target in (5, "b")),
    ),
    error(
        "CKP012",
        "text for a bound",
        at("a", "max_iterations"),
        *(
            doc(
                {
                    "a": {"type": "loop", "until": "n > 1", "max_iterations": most, "body_node": "b", "next_node": "z"},
                    "b": seq(to="a"),
                },
                **N,
            )
            for most in ("3", 3)
        ),
    ),
    error("CKP012", "text for a node", at("a"), doc({"a": "sequence"}), done()),
    error("CKP012", "text for the type", at("a", "type"), doc({"a": seq() | {"type": 5}}), done()),
]

VALUES: list[Case] = [
    error(
        "CKP013",
        "choice",
        at("a", "dispatch_mode"),
        done(dispatch_mode="asnc"),
        done(dispatch_mode="async"),
        hint="Did you mean 'async'?",
    ),
    error(
        "CKP013",
        "strategy that is none",
        at("a", "wait_strategy"),
        doc({"a": parallel("b", wait_strategy="none"), "b": seq()}),
        doc({"a": parallel("b", wait_strategy="any"), "b": seq()}),
    ),
    error("CKP013", "day", "/effective_date", doc(effective_date="2026-02-29"), doc(effective_date="2028-02-29")),
    error("CKP013", "duration", at("a", "due_in"), *(doc({"a": approval(due_in=due)}) for due in ("3 days", "3d"))),
    error(
        "CKP013",
        "transformation",
        at("a", "transformations", 0, "type"),
        doc({"a": change("filtr", expression="x")}, **ROWS),
        doc({"a": change("filter", expression="x")}, **ROWS),
        hint="Did you mean 'filter'?",
    ),
    error("CKP014", "too many retries", "/global_config/max_retries", config(max_retries=51), config(max_retries=50)),
    error("CKP014", "fewer than none", "/global_config/max_retries", config(max_retries=-1), config(max_retries=0)),
    error("CKP014", "too long", at("a", "timeout_ms"), done(timeout_ms=LONGEST_MS + 1), done(timeout_ms=LONGEST_MS)),
    error(
        "CKP014", "nothing to spend", "/global_config/max_cost_usd", config(max_cost_usd=0), config(max_cost_usd=0.01)
    ),
    error(
        "CKP014", "a share", "/global_config/llm_budget/warn_at", *(config(llm_budget={"warn_at": n}) for n in (1.1, 1))
    ),
    error("CKP014", "iterations", at("a", "max_iterations"), *(repeated(max_iterations=n) for n in (10_001, 10_000))),
    error("CKP014", "days", at("a", "due_in"), *(doc({"a": approval(due_in=due)}) for due in ("367d", "366d"))),
    error(
        "CKP014", "business days", at("a", "due_in"), *(doc({"a": approval(due_in=due)}) for due in ("261bd", "260bd"))
    ),
    error("CKP014", "no branches", at("a", "branches"), doc({"a": parallel()}), doc({"a": parallel("b"), "b": seq()})),
    error(
        "CKP014",
        "two answers",
        at("a", "min_approvers"),
        *(doc({"a": approval(decision_type="provide_input", min_approvers=count)}) for count in (2, 1)),
    ),
    error("CKP014", "approvers", at("a", "min_approvers"), *(doc({"a": approval(min_approvers=n)}) for n in (21, 20))),
]

PLAIN: list[Case] = [
    error("CKP017", "number", "/global_config/max_retries", config(max_retries="{{1}}"), config(max_retries=1)),
    error("CKP017", "boolean", at("a", "is_checkpoint"), done(is_checkpoint="{{true}}"), done(is_checkpoint=True)),
    error("CKP017", "choice", at("a", "dispatch_mode"), done(dispatch_mode="{{'async'}}"), done(dispatch_mode="async")),
    error("CKP017", "id", f"{STEP}/step_id", done(step(step_id="{{1}}")), done(step(step_id="1"))),
    error("CKP017", "target", at("a", "next_node"), done(to="{{'z'}}"), done(to="z")),
    error("CKP017", "start", "/workflow_graph/start_node", doc(start="{{'z'}}"), doc(start="z")),
    error(
        "CKP017",
        "name",
        f"{STEP}/output_variable",
        done(step("generate_id", output_variable="{{'x'}}")),
        done(step("generate_id", output_variable="x")),
    ),
    error(
        "CKP017",
        "duration",
        at("a", "notify", "remind_every"),
        *(doc({"a": approval(notify={"remind_every": every})}) for every in ("{{'1h'}}", "1h")),
    ),
    error("CKP017", "time zone", "/global_config/timezone", config(timezone="{{'UTC'}}"), config(timezone="UTC")),
]

RESERVED: list[Case] = [
    warning("CKP016", "compliance", "/compliance", doc(compliance={"classification": "x"}), doc(_compliance={})),
    warning("CKP016", "tests", "/tests", doc(tests=[]), doc(_tests=[])),
]

CASES: list[Case] = [*UNKNOWN, *MISSING, *TYPES, *VALUES, *RESERVED, *PLAIN]
