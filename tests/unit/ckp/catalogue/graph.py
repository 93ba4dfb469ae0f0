"""CKP201 to CKP209, CKP216 to CKP221, CKP226: nodes, edges, regions."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, error, warning
from tests.unit.ckp.compiling import END, approval, at, doc, inputs, logic, loop, model, parallel, seq, step

N: dict[str, Any] = {"variables_schema": inputs(n="number")}
ASKED: dict[str, Any] = {"variables_schema": inputs(topic="string"), "global_config": {"max_cost_usd": 1}}
CHILD = {"type": "subflow", "procedure_id": "c", "version": "1.0.0", "next_node": "z"}
DATA = {"next_node": "z"}
CHOICE = {"decision_type": "select_option"}
Targets = tuple[str, dict[str, Any], dict[str, Any]]


def only(graph: dict[str, Any]) -> dict[str, Any]:
    """A document with that graph and nothing else."""
    return {"procedure_id": "p", "version": "1.0.0", "workflow_graph": graph}


def on(condition: str = "n > 1", **fields: Any) -> dict[str, Any]:
    """A verification."""
    return {"type": "verification", "checks": [{"condition": condition}], "next_node": "z", **fields}


def edges(target: str) -> dict[str, tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Every field that names a node: its place, and a document in which it names `target`; `b` is a node."""

    def late(**fields: Any) -> dict[str, Any]:
        return {"max_duration_ms": 5, "on_breach": "escalate", "escalation_handler": target, **fields}

    checked = [{"condition": "n > 1", "on_fail_node": target}]
    mode = {"to": None, "orchestration_mode": True}
    found: dict[str, tuple[tuple[str | int, ...], dict[str, Any]]] = {
        "sequence": (("next_node",), seq(to=target)),
        "processing": (("next_node",), {"type": "processing", "operations": [], "next_node": target}),
        "transform": (("next_node",), {"type": "transform", "transformations": [], "next_node": target}),
        "subflow": (("next_node",), CHILD | {"next_node": target}),
        "model": (("next_node",), model(to=target)),
        "error of a sequence": (("on_error",), seq(on_error=target)),
        "error of data": (("on_error",), {"type": "processing", "operations": [], **DATA, "on_error": target}),
        "error of a child": (("on_error",), CHILD | {"on_error": target}),
        "error of a model": (("on_error",), model(on_error=target)),
        "error of a verification": (("on_error",), on(on_error=target)),
        "fallback": (("error_handlers", 0, "fallback_node"), seq(error_handlers=[{"fallback_node": target}])),
        "escalation": (("sla", "escalation_handler"), seq(sla=late())),
        "choice of a model": (("branches", 0), model(**mode, branches=[target, "z"])),
        "described choice": (("branches", 0, "node"), model(**mode, branches=[{"node": target}, "z"])),
        "default of a model": (("default_branch",), model(**mode, branches=["z"], default_branch=target)),
        "rule": (("rules", 0, "next_node"), logic(("n > 1", target))),
        "default": (("default_next_node",), logic(("n > 1", "z"), default=target)),
        "loop": (("next_node",), loop("c", to=target)),
        "join": (("next_node",), parallel("c", to=target)),
        "passed": (("on_pass",), {key: item for key, item in on(on_pass=target).items() if key != "next_node"}),
        "passed by successor": (("next_node",), on(next_node=target)),
        "failed": (("on_fail",), on(on_fail=target)),
        "failed check": (("checks", 0, "on_fail_node"), on(checks=checked)),
        "approved": (("on_approve",), approval(to=target)),
        "rejected": (("on_reject",), approval(on_reject=target)),
        "out of time": (("on_timeout",), approval(on_timeout=target)),
        "option": (("options", 0, "next_node"), approval(**CHOICE, options=[{"value": "x", "next_node": target}])),
    }
    return found


def around(node: dict[str, Any]) -> dict[str, Any]:
    """A document with a node `a`, the node `b` that its edge should name, and a body `c` for owners."""
    owner = node["type"] in ("loop", "parallel")
    inner = {"c": seq(to=None)} if owner else {}
    root = ASKED if node["type"] == "llm_action" else N
    return doc({"a": node, "b": seq(), **inner, "z": END}, outputs_schema={"n": {}}, **root)


def lost() -> list[Case]:
    """One case per kind of edge."""
    whole = edges("b")
    return [
        error("CKP205", what, at("a", *place), around(node), around(whole[what][1]))
        for what, (place, node) in edges("bb").items()
    ]


def body(start: str, **fields: Any) -> dict[str, Any]:
    """A document with a loop and a node that may be its body."""
    return doc({"a": loop(start, **fields), "b": seq(to="a")})


def branch(start: str) -> dict[str, Any]:
    """A document with a parallel of two branches, one of which begins somewhere."""
    node = parallel("b", "c")
    node["branches"][1]["start_node"] = start
    return doc({"a": node, "b": seq(), "c": seq()}) if start == "c" else doc({"a": node, "b": seq()})


def failing(target: str) -> dict[str, Any]:
    """A document with a route for failures."""
    return doc({"a": seq()}, global_config={"on_failure": target})


def again(target: str) -> dict[str, Any]:
    """A document whose verification goes back to a node."""
    node = on(checks=[{"condition": "n > 1", "on_fail": "retry"}], retry_node=target)
    return doc({"b": seq(to="v"), "v": node}, **N)


def apart(target: str) -> dict[str, Any]:
    """A document with two approvals by different people."""
    return doc({"b": approval(to="a"), "a": approval(four_eyes={"not_deciders_of": [target]})})


NODES: list[Case] = [
    error("CKP201", "no nodes", "/workflow_graph", only({"start_node": "z", "nodes": {}}), doc()),
    error("CKP201", "no map of nodes", "/workflow_graph", only({"start_node": "z"}), doc()),
    error("CKP202", "no start", "/workflow_graph", only({"nodes": {"z": END}}), doc()),
    error(
        "CKP202",
        "unknown start",
        "/workflow_graph/start_node",
        *(doc({"first": seq()}, start=s) for s in ("frst", "first")),
        hint="first",
    ),
    error(
        "CKP203",
        "type",
        at("a", "type"),
        *(doc({"a": seq() | {"type": t}}) for t in ("sequnce", "sequence")),
        hint="sequence",
    ),
    error("CKP204", "planner", at("a", "type"), *(doc({"a": seq() | {"type": t}}) for t in ("planner", "sequence"))),
    error(
        "CKP204",
        "iterations at once",
        at("a", "max_concurrency"),
        body("b", max_concurrency=2),
        body("b", max_concurrency=1),
    ),
    *lost(),
    error("CKP205", "body", at("a", "body_node"), doc({"a": loop("bb"), "b": seq(to="a")}), body("b")),
    error("CKP205", "branch", at("a", "branches", 1, "start_node"), branch("bb"), branch("c")),
    error("CKP205", "retry", at("v", "retry_node"), again("bb"), again("b")),
    error("CKP205", "failure", "/global_config/on_failure", failing("zz"), failing("z")),
    error("CKP205", "decider", at("a", "four_eyes", "not_deciders_of", 0), apart("bb"), apart("b")),
    error("CKP205", "empty", at("a", "next_node"), doc({"a": seq(to="")}), doc({"a": seq()})),
    error(
        "CKP205",
        "empty target of a rule",
        at("a", "rules", 0, "next_node"),
        *(doc({"a": logic(("n > 1", target))}, **N) for target in ("", "z")),
    ),
    error(
        "CKP205",
        "hint",
        at("a", "next_node"),
        doc({"a": seq(to="chekc"), "check": seq()}),
        doc({"a": seq(to="check"), "check": seq()}),
        hint="check",
    ),
    error("CKP206", "no edge", at("b"), doc({"a": seq(), "b": seq()}), doc({"a": seq(to="b"), "b": seq()})),
    error(
        "CKP206",
        "an edge of its own",
        at("b"),
        doc({"a": seq(), "b": seq(on_error="b")}),
        doc({"a": seq(on_error="b"), "b": seq()}),
    ),
    *(
        error("CKP206", what, at("b"), around(node), around(edges("b")[what][1]))
        for what, (_, node) in edges("z").items()
        if what not in ("choice of a model", "described choice")
    ),
]

ENDS: list[Case] = [
    warning(
        "CKP207", "sequence", at("b"), *(doc({"a": logic(("n > 1", "b")), "b": seq(to=to)}, **N) for to in (None, "z"))
    ),
    warning(
        "CKP207",
        "loop",
        at("a"),
        *(doc({"s": logic(("n > 1", "a")), "a": loop("b", to=to), "b": seq(to="a")}, **N) for to in (None, "z")),
    ),
    warning(
        "CKP207",
        "not in a body",
        at("a"),
        *(
            doc({"s": logic(("n > 1", "a"), default="l"), "l": loop("b"), "b": seq(to=None), **more}, **N)
            for more in ({"a": seq(to=None)}, {"a": seq()})
        ),
    ),
    warning(
        "CKP208",
        "no terminate",
        "/workflow_graph",
        only({"start_node": "a", "nodes": {"a": seq(to=None)}}),
        only({"start_node": "a", "nodes": {"a": seq(), "z": END}}),
        beside=("CKP207",),
    ),
    error(
        "CKP209",
        "a cycle without exit",
        at("b"),
        *(
            doc({"a": logic(("n > 1", "b")), "b": seq(to="c"), "c": logic(("n > 2", "b"), default=to)}, **N)
            for to in ("c", "z")
        ),
        left=("CKP-L05",),
    ),
    error(
        "CKP209",
        "a loop that is left by nothing",
        at("a"),
        *(doc({"s": logic(("n > 1", "a")), "a": loop("b", to=to), "b": seq(to="a")}, **N) for to in ("a", "z")),
    ),
]

REGIONS: list[Case] = [
    error("CKP216", "body begins at the loop", at("a", "body_node"), doc({"a": loop("a")}), body("b")),
    error("CKP216", "body begins behind it", at("a", "body_node"), doc({"a": loop("z")}), body("b")),
    error("CKP216", "branch begins at the node", at("a", "branches", 1, "start_node"), branch("a"), branch("c")),
    error("CKP216", "branch begins at the join", at("a", "branches", 1, "start_node"), branch("z"), branch("c")),
    error(
        "CKP217",
        "two bodies",
        at("y", "next_node"),
        *(
            doc({"a": loop("x", to="b"), "b": loop("y"), "x": seq(to="s"), "s": seq(to=None), "y": seq(to=to)})
            for to in ("s", "b")
        ),
    ),
    error(
        "CKP217",
        "a body before the loop",
        at("l", "body_node"),
        *(
            doc(
                {"a": seq(to="l"), "l": loop(start), "b": seq(to="l")}
                if start == "b"
                else {"a": seq(to="l"), "l": loop(start)}
            )
            for start in ("a", "b")
        ),
    ),
    error(
        "CKP218",
        "a body that runs on",
        at("p", "next_node"),
        *(doc({"l": loop("p", to="s"), "p": seq(to=to), "s": seq(to="t"), "t": seq()}) for to in ("t", "s")),
        hint="Go to 'l' (next item) or 's' (leave the loop).",
    ),
    error(
        "CKP218",
        "a branch that runs on",
        at("b", "next_node"),
        *(doc({"a": parallel("b", to="j"), "b": seq(to=to), "j": seq(to="t"), "t": seq()}) for to in ("t", "j")),
        hint="Go to 'j', where the branches meet.",
    ),
    error(
        "CKP218",
        "an inner body",
        at("c", "next_node"),
        *(doc({"a": loop("b"), "b": loop("c", to="d"), "c": seq(to=to), "d": seq(to="a")}) for to in ("a", "d")),
    ),
    error(
        "CKP218",
        "a failure in a body",
        at("p", "on_error"),
        *(
            doc({"l": loop("p", to="s"), "p": seq(to="l", on_error=to), "s": seq(to="t"), "t": seq()})
            for to in ("t", "s")
        ),
    ),
    warning(
        "CKP219",
        "ends the run",
        at("a", "branches", 0),
        *(
            doc({"a": parallel("b", "c"), "b": seq(to=to), "c": logic(("n > 1", "stop")), "stop": END}, **N)
            for to in ("stop", "z")
        ),
    ),
    warning(
        "CKP220",
        "one variable",
        at("a", "branches", 1),
        *(
            doc(
                {
                    "a": parallel("b", "c"),
                    "b": seq(step("generate_id", output_variable="v")),
                    "c": seq(step("generate_id", output_variable=name)),
                }
            )
            for name in ("v", "w")
        ),
    ),
    warning(
        "CKP221",
        "first",
        at("b"),
        *(doc({"a": parallel("b", "c", wait_strategy=rule), "b": approval(), "c": seq()}) for rule in ("first", "all")),
    ),
    warning(
        "CKP221",
        "any, in a loop",
        at("b"),
        *(
            doc(
                {
                    "a": parallel("l", "c", wait_strategy=rule),
                    "l": loop("b"),
                    "b": approval(to="l", on_reject="l"),
                    "c": seq(),
                }
            )
            for rule in ("any", "all")
        ),
    ),
    error(
        "CKP226",
        "in a body",
        "/global_config/on_failure",
        *(doc({"a": loop("b"), "b": seq(to="a")}, global_config={"on_failure": to}) for to in ("b", "z")),
    ),
    error(
        "CKP226",
        "in a branch",
        "/global_config/on_failure",
        *(doc({"a": parallel("b"), "b": seq()}, global_config={"on_failure": to}) for to in ("b", "z")),
    ),
]

CASES: list[Case] = [*NODES, *ENDS, *REGIONS]
