"""Bounds: the dearest path in money and time, and what keeps them from being known."""

import pytest

from procedures.ckp.bounds import bounds
from procedures.ckp.bounds_of_nodes import SystemLimits
from procedures.ckp.registry import ModelFacts, Profile
from tests.unit.ckp.compiling import approval, call, compiled, doc, inputs, logic, loop, model, op, parallel, seq, step
from tests.unit.ckp.registries import Registered, offering

N = {"variables_schema": inputs(n="number", topic="string")}
PRICED = Registered(models={"m": ModelFacts("m", 1.0, 2.0), "dear": ModelFacts("dear", 10.0, 20.0)})
SECOND = 1_000


def bound(nodes, registry=None, limits=None, **root):
    """The bounds of a run."""
    made = compiled(doc(nodes, **{**N, **root}))
    return bounds(made.draft, registry or Registered(), limits)


def active(nodes, **given):
    """Most active seconds, or the reasons why nobody knows."""
    amount = bound(nodes, **given).run.active_ms
    return list(amount.reasons) or amount.most / SECOND


def waiting(nodes, **given):
    """Most waiting seconds, or the reasons."""
    amount = bound(nodes, **given).run.waiting_ms
    return list(amount.reasons) or amount.most / SECOND


def spent(nodes, registry=PRICED, **given):
    """Most dollars, or the reasons."""
    amount = bound(nodes, registry, **given).run.cost_usd
    return list(amount.reasons) or round(amount.most, 6)


@pytest.mark.parametrize(
    ("one", "seconds"),
    [
        (call(), 1),
        (call(timeout_ms=None), 120),
        (call(timeout_ms=None, timeout_policy={"timeout_ms": 3000}), 3),
        (call(wait_ms=500, wait_after_ms=500), 2),
        (call(retry_config={"max_retries": 2, "strategy": "fixed", "base_delay_ms": 500}), 4),
        (call(retry_config={"max_retries": 3, "base_delay_ms": 1000}), 4 + 1 + 2 + 4),
        (call(retry_config={"max_retries": 3, "strategy": "linear", "base_delay_ms": 1000}), 4 + 6),
        (
            call(retry_config={"max_retries": 5, "strategy": "fibonacci", "base_delay_ms": 1000, "max_delay_ms": 3000}),
            6 + 1 + 1 + 2 + 3 + 3,
        ),
        (call(retry_config={"max_retries": 2}, retry_on_failure=False), 1),
        (step(), 0),
        (step("notify", channel="email", message="x", timeout_ms=2000), 2),
    ],
)
def test_a_step_takes_its_attempts_and_pauses(one, seconds):
    assert active({"a": seq(one)}) == seconds


def test_unknown_times_are_named():
    assert active({"a": seq(call(timeout_ms="{{n}}"))}) == ["the call 'a/get_page' has no known time-out"]
    assert active({"a": seq(call(wait_ms="{{n}}"))}) == ["'wait_ms' of 'a/get_page' is known only at run time"]
    none = SystemLimits(call_timeout_ms=None, model_timeout_ms=None)
    assert active({"a": seq(call(timeout_ms=None))}, limits=none) == ["the call 'a/get_page' has no known time-out"]
    assert active({"a": op("notify", channel="email", message="x")}, limits=none) == [
        "the notices of 'a' have no time-out"
    ]
    assert active({"a": op("notify", channel="email", message="x")}) == 120
    assert active({"a": model(timeout_ms=None)}, limits=none) == ["no time-out at 'a'"]


@pytest.mark.parametrize(
    ("one", "seconds"),
    [
        (step("wait", duration="2d"), 172_800),
        (step("wait", duration_ms=5000), 5),
        (step("wait", duration="{{n}}s"), ["how long 'a/wait' waits is known only at run time"]),
        (step("wait_until", until="10:00"), ["how long 'a/wait_until' waits is known only at run time"]),
    ],
)
def test_steps_that_wait(one, seconds):
    assert waiting({"a": seq(one)}) == seconds


def test_a_workflow_is_waited_for():
    registry = offering("report", kind="workflow")
    assert waiting({"a": seq(call("report", workflow_dispatch_mode="async"))}, registry=registry) == 1
    assert waiting({"a": seq(call("report", timeout_ms=None))}, registry=registry) == 3600
    handler = {"action": "retry", "max_retries": 2, "delay_ms": 1000}
    nodes = {"a": seq(call("report"), error_handlers=[handler])}
    assert (waiting(nodes, registry=registry), active(nodes, registry=registry)) == (3, 3)
    assert active({"a": seq(call("report"), dispatch_mode="sync")}, registry=registry) == 1
    at_once = {"workflow_dispatch_mode": "sync"}
    assert active({"a": seq(call("report"))}, registry=registry, global_config=at_once) == 1


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"due_in": "2m"}, 120),
        (
            {
                "timeout_ms": 5000,
                "timeout_action": "escalate",
                "escalation_contact": "x",
                "escalation": [{"to": {"users": ["u"]}}, {"to": {"users": ["u"]}, "after": "1s"}],
            },
            15,
        ),
        ({}, ["the approval 'a' has no known due time"]),
        ({"due_in": "{{n}}m"}, ["the approval 'a' has no known due time"]),
    ],
)
def test_people_take_their_time(fields, seconds):
    assert waiting({"a": approval(**fields)}) == seconds


def test_the_dearest_path_counts():
    nodes = {
        "a": logic(("n > 1", "b"), default="c"),
        "b": seq(call(), to="d"),
        "c": seq(call(timeout_ms=5000), to="d"),
        "d": seq(call()),
    }
    assert active(nodes) == 6


def test_failure_routes_are_paths_too():
    nodes = {"a": seq(call(), on_error="e"), "e": seq(call(timeout_ms=5000))}
    assert active(nodes) == 6
    assert active({"a": seq(call()), "f": seq(call(timeout_ms=5000))}, global_config={"on_failure": "f"}) == 6


RESET = call("reset", timeout_ms=500)


@pytest.mark.parametrize(
    ("handler", "seconds"),
    [
        ({"action": "retry", "max_retries": 2, "delay_ms": 1000, "recovery_steps": [RESET]}, 1 + 2 + (1 + 2) + 3 * 0.5),
        ({"action": "fail", "recovery_steps": [RESET]}, 1 + 0.5),
        ({"recovery_strategy": "retry_node", "recovery_steps": [RESET]}, 2 * (1 + 0.5)),
        ({"action": "retry", "max_retries": 0, "recovery_strategy": "continue", "recovery_steps": [RESET]}, 1 + 0.5),
    ],
)
def test_handlers_try_again_and_recover(handler, seconds):
    assert active({"a": seq(call(), error_handlers=[handler])}) == seconds


def test_a_handler_counts_for_every_step_anew():
    handler = {"action": "retry", "max_retries": 2, "delay_ms": 0, "recovery_steps": [RESET]}
    steps = [call(step_id="s"), call(step_id="t", retry_config={"max_retries": 4}, retry_on_failure=False), step()]
    assert active({"a": seq(*steps, error_handlers=[handler])}) == 2 + 2 * 2 + 5 * 0.5
    handler = {"action": "retry", "delay_ms": 0}
    assert active({"a": seq(*steps, error_handlers=[handler])}) == 2 + 3 + 4
    handler = {"action": "ignore", "recovery_steps": [RESET]}
    assert active({"a": seq(*steps, error_handlers=[handler])}) == 2 + 2 * 0.5


def test_a_validation_may_begin_the_node_anew():
    check = {"condition": "n > 1", "on_failure": "retry_node"}
    nodes = {"a": seq(call(), validations=[check], retry={"max_retries": 2}, timeout_ms=700)}
    assert active(nodes) == 2.1


def test_limits_of_node_and_run_cap_the_time():
    assert active({"a": seq(call(timeout_ms=90_000), timeout_ms=5000)}) == 5
    assert active({"a": seq(call(timeout_ms="{{n}}"), timeout_policy={"timeout_ms": 5000})}) == 5
    assert active({"a": seq(call(timeout_ms="{{n}}"))}, global_config={"timeout_ms": 7000}) == 7


def test_loops_multiply():
    assert active({"l": loop("b", max_iterations=10) | {"iterator": "n"}, "b": seq(call(), to="l")}) == 10
    assert active({"l": loop("b"), "b": seq(call(), to="l")}) == 2
    assert active({"l": loop("b", max_iterations=1), "b": seq(call(), to="l")}) == 1
    unbound = {"l": loop("b") | {"iterator": "n"}, "b": seq(call(), to="l")}
    assert active(unbound) == ["the loop 'l' has no max_iterations"]
    assert spent(unbound) == 0
    assert (
        active(
            {
                "l": loop("m", max_iterations=2) | {"iterator": "n +"},
                "m": loop("b", max_iterations=3, to="l"),
                "b": seq(call(), to="m"),
            }
        )
        == 4
    )


def test_branches_share_time_and_add_money():
    nodes = {
        "p": parallel("a", "b"),
        "a": seq(call(timeout_ms=3000)),
        "b": model(to="z", prompt="x" * 2000, model="m", max_tokens=1000),
    }
    assert active(nodes | {"b": seq(call())}) == 3
    both = {"p": parallel("a", "b"), "a": nodes["b"], "b": nodes["b"]}
    assert spent(both, global_config={"max_retries": 0}) == 6
    assert active({"p": parallel("a", branch_failure="retry", retry={"max_retries": 2}), "a": seq(call())}) == 3


def test_cycles_have_no_bound():
    nodes = {"a": seq(call(), to="b"), "b": logic(("n > 1", "a"))}
    assert active(nodes) == ["the cycle through 'a' has no bound"]
    assert active({"a": seq(to="b"), "b": logic(("n > 1", "a"))}) == 0
    assert active({"a": logic(("n > 1", "a"), default="b"), "b": seq(call())}) == 1


def test_retries_of_a_verification_are_bounded():
    check = {
        "type": "verification",
        "checks": [{"condition": "n > 1", "on_fail": "retry"}],
        "max_retries": 2,
        "next_node": "z",
    }
    assert active({"a": seq(call(), to="v"), "v": check}) == 3
    assert active({"s": seq(call(), to="a"), "a": seq(call(), to="v"), "v": check | {"retry_node": "s"}}) == 6
    assert active({"l": loop("a"), "a": seq(call(), to="v"), "v": check | {"next_node": "l"}}) == 6


ASK = {"prompt": "x" * 2000, "model": "m", "max_tokens": 1000}


@pytest.mark.parametrize(
    ("fields", "dollars"),
    [
        ({}, 3),
        ({"retry": {"max_retries": 2}}, 9),
        ({"json_mode": True}, 9),
        ({"json_mode": True, "repair": {"max_attempts": 1}}, 6),
        ({"fallback_model": "dear"}, 30),
        ({"fallback_models": ["m", "dear"]}, 30),
        ({"max_cost_usd": 0.5}, 0.5),
        ({"max_tokens": None}, ["no max_tokens at 'a'"]),
        ({"max_tokens": None, "max_cost_usd": 100}, 1 + 2 * 4.096),
        ({"model": "free"}, ["no price for free at 'a'"]),
        ({"model": None}, ["no model at 'a'"]),
    ],
)
def test_models_cost_their_worst_case(fields, dollars):
    given = {key: value for key, value in {**ASK, **fields}.items() if value is not None}
    assert spent({"a": model(**given)}, global_config={"max_retries": 0}) == dollars


def test_profiles_give_what_nodes_leave_out():
    profiles = {
        "default": Profile("default", "m", max_tokens=1000),
        "big": Profile("big", "m", ("dear",), max_tokens=1000),
        "fast": Profile("fast", "m", max_tokens=500),
    }
    registry = Registered(models=PRICED.known["models"], profiles=profiles, task_classes={"draft": "fast"})
    config = {"max_retries": 0}
    assert spent({"a": model("x" * 2000)}, registry, global_config=config) == 3
    assert spent({"a": model("x" * 2000, profile="big")}, registry, global_config=config) == 30
    assert spent({"a": model("x" * 2000, task_class="draft")}, registry, global_config=config) == 2
    assert spent({"a": model("x" * 2000)}, registry, global_config={**config, "llm_profile": "big"}) == 30


def test_caps_make_the_unknown_known():
    assert spent({"a": model()}, global_config={"max_cost_usd": 4}) == 4
    tokens = bound({"a": model()}, global_config={"llm_budget": {"max_tokens_per_run": 500}}).run.tokens
    assert (tokens.most, tokens.reasons) == (500, ())
    open_end = bound({"a": model(prompt="abc")}).run.tokens
    assert (open_end.most, open_end.reasons) == (8, ("no max_tokens at 'a'",))


def test_children_are_added():
    child = {**doc({"a": seq(call(timeout_ms=4000))}), "procedure_id": "child"}
    registry = Registered().add(child)
    sub = {"type": "subflow", "procedure_id": "child", "version": "1.0.0", "next_node": "z"}
    assert active({"a": sub}, registry=registry) == 4
    assert active({"a": sub | {"on_failure": "retry", "retry": {"max_retries": 1}}}, registry=registry) == 8
    assert active({"a": sub}) == ["the child of 'a' is not known"]


def test_the_end_cleans_up_in_a_minute():
    ends = {
        "type": "terminate",
        "status": "failed",
        "cleanup_actions": [call("tidy", timeout_ms=None)],
        "error_actions": [call("tell", timeout_ms=5000)],
    }
    assert active({"z": ends}) == 65


def test_every_node_has_its_own_bound():
    found = bound({"a": seq(call(), to="b"), "b": approval(due_in="1m")}).as_dict()
    assert list(found["by_node"]) == ["a", "b", "z"]
    assert found["by_node"]["a"]["active_ms"] == {"max": 1000, "computable": True, "reasons": []}
    assert found["waiting_ms"]["max"] == 60_000
