"""What changed between two documents."""

import pytest

from procedures.ckp.diff import diff
from tests.unit.ckp.compiling import approval, call, compiled, doc, inputs, logic, loop, model, seq, step
from tests.unit.ckp.test_bounds import PRICED

N = {"variables_schema": inputs(n="number")}


def compared(before, after):
    """The difference between two documents."""
    return diff(compiled(before).canonical, compiled(after).canonical, PRICED)


def changes(before, after):
    """Kind, move, path and whether it breaks, of every change."""
    found = compared(before, after)["semantic"]
    return [(one["kind"], one["change"], one["path"], one["breaking"]) for one in found]


def with_config(**config):
    """A document with settings."""
    return doc({"a": seq()}, global_config=config)


A = "/workflow_graph/nodes/a"


def test_order_notes_positions_and_status_are_no_change():
    before = doc({"a": seq(step(), to="b"), "b": seq()}, name="x", status="draft")
    after = doc(
        {
            "b": seq(**{"x-position": {"x": 1, "y": 2}}),
            "a": {"_note": 1, "next_node": "b", "type": "sequence", "steps": [step()]},
        },
        start="a",
        name="x",
        status="active",
    )
    found = compared(before, after)
    assert found["identical"] is True
    assert (found["semantic"], found["summary"], found["text"], found["suggested_bump"]) == ([], [], "", None)


def test_versions_and_bounds_of_both_are_told():
    before = doc({"a": seq(call())})
    after = doc({"a": seq(call(timeout_ms=5000))}) | {"version": "1.1.0"}
    found = compared(before, after)
    assert (found["from"], found["to"], found["identical"]) == ("1.0.0", "1.1.0", False)
    assert (found["bounds"]["before"]["active_ms"]["max"], found["bounds"]["after"]["active_ms"]["max"]) == (1000, 5000)
    assert '-            "timeout_ms": 1000' in found["text"]
    assert found["summary"] == ["'steps.0.timeout_ms' of 'a' changed from 1000 to 5000."]


CASES = [
    (
        "timing",
        "changed",
        A + "/steps/0/timeout_ms",
        doc({"a": seq(call())}),
        doc({"a": seq(call(timeout_ms=5))}),
        "patch",
    ),
    ("timing", "added", A + "/retry", doc({"a": seq()}), doc({"a": seq(retry={"max_retries": 1})}), "patch"),
    ("timing", "changed", "/global_config/timeout_ms", with_config(timeout_ms=5), with_config(timeout_ms=6), "patch"),
    ("failure", "added", A + "/on_error", doc({"a": seq()}), doc({"a": seq(on_error="z")}), "patch"),
    (
        "failure",
        "added",
        "/global_config/on_failure",
        with_config(max_retries=1),
        with_config(max_retries=1, on_failure="a"),
        "patch",
    ),
    (
        "failure",
        "added",
        A + "/error_handlers",
        doc({"a": seq(call())}),
        doc({"a": seq(call(), error_handlers=[{"action": "fail"}])}),
        "patch",
    ),
    (
        "cost",
        "changed",
        "/global_config/max_cost_usd",
        with_config(max_cost_usd=5),
        with_config(max_cost_usd=6),
        "patch",
    ),
    ("cost", "added", "/global_config/max_cost_usd", doc({"a": seq()}), with_config(max_cost_usd=6), "patch"),
    (
        "config",
        "changed",
        "/global_config/timezone",
        with_config(timezone="UTC"),
        with_config(timezone="Europe/Berlin"),
        "patch",
    ),
    ("config", "added", "/description", doc(), doc(description="x"), "patch"),
    ("trigger", "added", "/trigger", doc(), doc(trigger={"type": "manual"}), "patch"),
    ("edge", "changed", A + "/next_node", doc({"a": seq(to="b"), "b": seq()}), doc({"a": seq(), "b": seq()}), "patch"),
    (
        "edge",
        "changed",
        "/workflow_graph/start_node",
        doc({"a": seq(to="b"), "b": seq(to="a")}),
        doc({"a": seq(to="b"), "b": seq(to="a")}, start="b"),
        "patch",
    ),
    (
        "edge",
        "changed",
        A + "/rules/0/next_node",
        doc({"a": logic(("n > 1", "z")), "b": seq()}, **N),
        doc({"a": logic(("n > 1", "b")), "b": seq()}, **N),
        "patch",
    ),
    ("call", "added", A + "/steps/1", doc({"a": seq(call())}), doc({"a": seq(call(), call("click"))}), "minor"),
    (
        "call",
        "removed",
        A + "/steps/0",
        doc({"a": seq(call(), call("click"))}),
        doc({"a": seq(call("click"))}),
        "patch",
    ),
    ("call", "changed", A + "/steps/0/url", doc({"a": seq(call(url="x"))}), doc({"a": seq(call(url="y"))}), "patch"),
    ("node", "added", A + "/steps/1", doc({"a": seq(step())}), doc({"a": seq(step(), step(step_id="t"))}), "patch"),
    (
        "call",
        "changed",
        A + "/steps",
        doc({"a": seq(call(), call("click"))}),
        doc({"a": seq(call("click"), call())}),
        "patch",
    ),
    (
        "node",
        "changed",
        A + "/description",
        doc({"a": seq(description="x")}),
        doc({"a": seq(description="y")}),
        "patch",
    ),
    ("node", "added", A, doc({"z": {"type": "terminate"}}), doc({"a": loop("z")}, start="z"), "minor"),
    ("approval", "removed", A, doc({"a": approval()}, start="z"), doc(), "patch"),
    (
        "approval",
        "changed",
        A + "/min_approvers",
        doc({"a": approval(min_approvers=1)}),
        doc({"a": approval(min_approvers=2)}),
        "patch",
    ),
    (
        "approval",
        "added",
        A + "/approvers",
        doc({"a": approval()}),
        doc({"a": approval(approvers={"users": ["u"]})}),
        "patch",
    ),
    ("call", "changed", A + "/prompt", doc({"a": approval()}), doc({"a": approval() | {"prompt": "Well?"}}), "patch"),
    ("output", "added", "/outputs_schema/o", doc(outputs_schema={}), doc(outputs_schema={"o": {}}), "minor"),
    (
        "variable",
        "added",
        "/variables_schema/n",
        doc(),
        doc(variables_schema={"n": {"required": True, "default": 1}}),
        "minor",
    ),
    (
        "variable",
        "changed",
        "/variables_schema/n",
        doc(variables_schema={"n": {}}),
        doc(variables_schema={"n": {"label": "N"}}),
        "patch",
    ),
]


@pytest.mark.parametrize(("kind", "move", "path", "before", "after", "bump"), CASES)
def test_a_change_has_a_kind_and_an_advice(kind, move, path, before, after, bump):
    assert [one for one in changes(before, after) if one[0] != "gate"] == [(kind, move, path, False)]
    assert compared(before, after)["suggested_bump"] == bump


BREAKING = [
    ("variable", "added", doc(), doc(**N), "The required input 'n' was added."),
    ("variable", "removed", doc(**N), doc(), "The input 'n' was removed."),
    (
        "variable",
        "changed",
        doc(**N),
        doc(variables_schema=inputs(n="string")),
        "The input 'n' is string instead of number.",
    ),
    (
        "variable",
        "changed",
        doc(variables_schema={"n": {}}),
        doc(variables_schema={"n": {"required": True}}),
        "The input 'n' is now required.",
    ),
    ("output", "removed", doc(outputs_schema={"o": {}}), doc(outputs_schema={}), "The output 'o' was removed."),
    (
        "output",
        "changed",
        doc(outputs_schema={"o": {"type": "string"}}),
        doc(outputs_schema={"o": {"type": "number"}}),
        "The output 'o' has another type.",
    ),
]


@pytest.mark.parametrize(("kind", "move", "before", "after", "sentence"), BREAKING)
def test_what_breaks_callers_is_a_major_change(kind, move, before, after, sentence):
    found = compared(before, after)
    assert [(one["kind"], one["change"], one["breaking"]) for one in found["semantic"]] == [(kind, move, True)]
    assert (found["summary"], found["suggested_bump"]) == ([sentence], "major")


def test_outputs_without_schema_are_those_of_the_ends():
    def ending(**outputs):
        return doc({"z": {"type": "terminate", "outputs": outputs}})

    assert ("output", "removed", "/outputs_schema/b", True) in changes(ending(a=1, b=2), ending(a=1))
    assert changes(doc(outputs_schema={"o": {"label": "x"}}), doc(outputs_schema={"o": {}})) == [
        ("output", "changed", "/outputs_schema/o", False)
    ]


def gated(**fields):
    """A payment behind approvals."""
    return {"g": approval(to="a"), "a": seq(call("pay", **fields))}


def test_a_lost_gate_breaks():
    found = changes(doc(gated()), doc(gated() | {"g": {**approval(to="a"), "on_reject": "a"}}))
    assert ("gate", "removed", A, True) in found
    assert ("gate", "added", A, False) in changes(
        doc(gated() | {"g": {**approval(to="a"), "on_reject": "a"}}), doc(gated())
    )
    twice = {"f": approval(to="g"), **gated()}
    assert ("gate", "changed", A, True) in changes(doc(twice), doc(gated()))


def test_a_renamed_node_is_no_removal():
    before = doc({"a": seq(to="b"), "b": seq(call(), to="c"), "c": seq()}, global_config={"on_failure": "b"})
    after = doc({"a": seq(to="x"), "x": seq(call(), to="c"), "c": seq()}, global_config={"on_failure": "x"})
    found = compared(before, after)
    assert [(one["kind"], one["change"], one["before"], one["after"]) for one in found["semantic"]] == [
        ("node", "renamed", "b", "x")
    ]
    assert found["summary"] == ["The node 'b' is now called 'x'."]


def test_a_renamed_node_that_changed_is_another():
    before = doc({"a": seq(to="b"), "b": seq(description="x")})
    after = doc({"a": seq(to="y"), "y": seq(description="z")})
    assert sorted(one[:2] for one in changes(before, after)) == [
        ("edge", "changed"),
        ("node", "added"),
        ("node", "removed"),
    ]


def test_a_renamed_gate_is_the_same_gate():
    after = {"h": approval(to="a"), "a": seq(call("pay"))}
    assert [one[:2] for one in changes(doc(gated()), doc(after))] == [("node", "renamed")]


def test_what_a_run_may_cost_is_told():
    def asking(tokens):
        return doc({"a": model("x", model="m", max_tokens=tokens)}, global_config={"max_retries": 0})

    found = compared(asking(1000), asking(2000))
    assert found["summary"][-1] == "A run may cost at most 4.00 USD instead of at most 2.00 USD."
    unknown = compared(
        asking(1000), doc({"a": model("x", model="free", max_tokens=1000)}, global_config={"max_retries": 0})
    )
    assert unknown["summary"][-1] == "A run may cost an unknown amount instead of at most 2.00 USD."


def test_long_values_are_cut_in_sentences():
    before, after = doc({"a": seq(call(body="x" * 100))}), doc({"a": seq(call(body={"y": "z" * 100}))})
    assert all(len(sentence) < 200 for sentence in compared(before, after)["summary"])
