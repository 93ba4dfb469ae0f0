"""An explanation as its page shows it: in words, and cut where it is long."""

from procedures.ckp.compile import compile_document
from procedures.ckp.explain import explain
from procedures.explain_page import FIRST_ROUTES, MOST_CALLS, MOST_LEGS, of
from tests.unit.ckp.compiling import call, doc, inputs, logic, model, op, seq


def page(nodes, *, every_route=False, **root):
    compiled = compile_document(doc(nodes, **root))
    assert compiled.ok, compiled.problems
    return of(explain(compiled), every_route=every_route)


def chain(length):
    after = [*(f"n{number}" for number in range(1, length)), "z"]
    return {f"n{number}": seq(call(step_id="go"), to=after[number]) for number in range(length)}


def test_long_ways_and_many_calls_are_cut():
    shown = page(chain(MOST_CALLS + 3))
    [route] = shown.routes
    assert (len(route.legs), route.more) == (MOST_LEGS, MOST_CALLS + 4 - MOST_LEGS)
    assert (len(shown.calls), shown.call_count) == (MOST_CALLS, MOST_CALLS + 3)


def test_further_ways_are_shown_when_asked():
    rules = [(f"n > {number}", "z") for number in range(FIRST_ROUTES + 4)]
    nodes = {"choose": logic(*rules, default="z")}
    shown = page(nodes, variables_schema=inputs(n="number"))
    assert (len(shown.routes), shown.hidden_routes, shown.route_count) == (FIRST_ROUTES, 5, FIRST_ROUTES + 5)
    assert page(nodes, every_route=True, variables_schema=inputs(n="number")).hidden_routes == 0


def test_who_carries_a_call_out_and_how_often_it_is_tried():
    nodes = {
        "a": seq(call("open_page", "go", retry_config={"max_retries": 2}), to="b"),
        "b": model(model="tiny", max_tokens=10, retry={"max_retries": 0}),
    }
    first, second = page(nodes, variables_schema=inputs(topic="string")).calls
    assert (first.by, first.effect, first.tries, first.gates) == (
        "web, nobody yet",
        "write",
        "up to 3 times, 1 s each",
        "",
    )
    assert (second.by, second.tries) == ("tiny, model", "once, 1 s")


def test_policies_in_words():
    config = {
        "timeout_ms": 90_000,
        "max_cost_usd": 2,
        "llm_budget": {"max_tokens_per_run": 5000},
        "rate_limiting": {"max_requests_per_minute": 30},
        "undefined_variables": "error",
        "retention_days": 30,
    }
    said = dict(page({"a": seq(call())}, global_config=config).policies)
    assert said["Time limit of a run"] == "1 min 30 s"
    assert said["Budget"] == "$2.00 and 5,000 tokens"
    assert said["Rate limit"] == "30 calls a minute"
    assert (said["Undefined variables"], said["Kept for"]) == ("fail the run", "30 days")


def test_variables_stand_under_what_people_ask():
    schema = {"a": {"required": True}, "b": {"required": True, "default": 1}, "c": {"type": "string"}}
    nodes = {"n": op("calculate", expression="a", output_variable="d")}
    found = {names.title: [name for name, _ in names.entries] for names in page(nodes, variables_schema=schema).names}
    assert found == {
        "Every start must give": ["a"],
        "Required, with a default": ["b"],
        "A start may give": ["c"],
        "A run writes": ["d"],
        "Never used": ["b", "c"],
    }
