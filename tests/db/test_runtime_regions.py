"""Loops and branches: what they collect, how they end, and what waits or fails inside them."""

from typing import Any

import pytest

from orchestration.models import Event, Run, Visit, Wait
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)


def set_step(variable: str, value: Any, step_id: str = "s") -> dict[str, Any]:
    return {"step_id": step_id, "action": "set_variable", "variable": variable, "value": value}


def setting(variable: str, value: Any, next_node: str | None) -> dict[str, Any]:
    return {"type": "sequence", "steps": [set_step(variable, value)], "next_node": next_node}


def failing(next_node: str | None = None) -> dict[str, Any]:
    step = {"step_id": "f", "action": "calculate", "expression": "1 / zero", "output_variable": "never"}
    return {"type": "sequence", "steps": [step], "next_node": next_node}


def asking(target: str | None) -> dict[str, Any]:
    return {"type": "human_approval", "prompt": "Go on?", "on_approve": target, "on_reject": target}


ZERO = {"zero": {"type": "integer", "default": 0}}
LIST = {"rows": {"type": "array", "required": True}}


def finished(tenant: Tenant, nodes: dict[str, Any], schema: dict[str, Any] | None = None, **inputs: Any) -> Run:
    run = runs.queue(tenant, runs.document(nodes, variables_schema=schema or {}), **inputs)
    return runs.drive(run)


def visited(run: Run) -> set[str]:
    return set(Visit.objects.filter(run=run, state="done").values_list("path", flat=True))


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


LOOP = {
    "each": {
        "type": "loop",
        "iterator": "rows",
        "iterator_variable": "row",
        "index_variable": "i",
        "body_node": "double",
        "next_node": "end",
    },
    "double": {
        "type": "sequence",
        "steps": [{"step_id": "d", "action": "calculate", "expression": "row * 2", "output_variable": "twice"}],
        "next_node": "each",
    },
    "end": {"type": "terminate"},
}


def test_loop_collects_an_expression(tenant: Tenant):
    nodes = {**LOOP, "each": {**LOOP["each"], "collect_variable": "all", "collect": "twice + i"}}
    run = finished(tenant, nodes, LIST, rows=[1, 2, 3])
    assert run.status == "completed", run.error
    assert run.output_vars == {"rows": [1, 2, 3], "twice": 6, "all": [2, 5, 8]}
    assert visited(run) == {"each", "each[0]/double", "each[1]/double", "each[2]/double", "end"}
    assert [told["iteration"] for told in payloads(run, "loop_iteration")] == [0, 1, 2]
    assert payloads(run, "loop_completed") == [{"iterations": 3, "errors": 0, "capped": False}]


def test_loop_collects_records_of_failed_iterations_too(tenant: Tenant):
    nodes = {
        "each": {
            **LOOP["each"],
            "iterator": "rows",
            "body_node": "check",
            "collect_variable": "all",
            "continue_on_error": True,
        },
        "check": {
            "type": "sequence",
            "steps": [{"step_id": "d", "action": "calculate", "expression": "6 / row.n", "output_variable": "part"}],
            "next_node": "each",
        },
        "end": {"type": "terminate"},
    }
    run = finished(tenant, nodes, LIST, rows=[{"n": 2}, {"n": 0}])
    assert run.status == "completed"
    first, second = run.output_vars["all"]
    assert (first["n"], first["part"], first["status"], first["index"]) == (2, 3, "completed", 0)
    assert (second["n"], second["status"]) == (0, "failed")
    assert second["error"]["class"] == "expression_error"
    assert [error["index"] for error in run.output_vars["each_errors"]] == [1]


def test_loop_fails_with_the_error_of_its_iteration(tenant: Tenant):
    nodes = {**LOOP, "double": failing("each")}
    run = finished(tenant, nodes, {**LIST, **ZERO}, rows=[1, 2], zero=0)
    assert (run.status, run.error_class) == ("failed", "expression_error")
    assert run.error["path"] == "each[0]/double"
    assert run.error["step_id"] == "f"
    assert "end" not in visited(run)


def test_break_leaves_the_loop(tenant: Tenant):
    nodes = {
        "each": {**LOOP["each"], "body_node": "enough", "collect_variable": "all", "collect": "i"},
        "enough": {
            "type": "logic",
            "rules": [{"condition": "row > 1", "next_node": "end"}],
            "default_next_node": "each",
        },
        "end": {"type": "terminate"},
    }
    run = finished(tenant, nodes, LIST, rows=[1, 2, 3])
    assert run.output_vars["all"] == [0, 1]
    assert payloads(run, "loop_completed")[0]["iterations"] == 2


@pytest.mark.parametrize(
    ("fields", "iterations", "capped"),
    [
        ({"continue_condition": "n < 3", "max_iterations": 10}, 3, False),
        ({"until": "n >= 2", "max_iterations": 10}, 2, False),
        ({"continue_condition": "true", "max_iterations": 4}, 4, True),
    ],
)
def test_loops_without_a_list(tenant: Tenant, fields: dict[str, Any], iterations: int, capped: bool):
    nodes = {
        "repeat": {"type": "loop", "body_node": "count", "next_node": "end", **fields},
        "count": {
            "type": "sequence",
            "steps": [{"step_id": "c", "action": "calculate", "expression": "n + 1", "output_variable": "n"}],
            "next_node": "repeat",
        },
        "end": {"type": "terminate"},
    }
    run = finished(tenant, nodes, {"n": {"type": "integer", "default": 0}}, n=0)
    assert run.status == "completed", run.error
    assert run.output_vars["n"] == iterations
    assert payloads(run, "loop_completed") == [{"iterations": iterations, "errors": 0, "capped": capped}]


def test_a_loop_needs_a_list(tenant: Tenant):
    run = finished(tenant, LOOP, {"rows": {}}, rows="abc")
    assert (run.status, run.error_class) == ("failed", "not_a_list")


def test_an_empty_list_ends_the_loop_at_once(tenant: Tenant):
    run = finished(tenant, LOOP, LIST, rows=[])
    assert run.status == "completed"
    assert payloads(run, "loop_completed")[0]["iterations"] == 0


def parallel(branches: dict[str, str], **fields: Any) -> dict[str, Any]:
    starts = [{"branch_id": name, "start_node": start} for name, start in branches.items()]
    return {"type": "parallel", "branches": starts, "next_node": "join", **fields}


def test_branches_merge_in_document_order(tenant: Tenant):
    nodes = {
        "fork": parallel({"left": "a", "right": "b"}),
        "a": setting("x", "left", "join"),
        "b": setting("x", "right", "join"),
        "join": {"type": "terminate"},
    }
    run = finished(tenant, nodes)
    assert run.output_vars["x"] == "right"
    assert run.output_vars["parallel_results"]["branches"] == {"left": {"x": "left"}, "right": {"x": "right"}}
    assert payloads(run, "variable_conflict") == [{"name": "x", "branches": ["left", "right"]}]


def test_a_failed_branch_is_recorded_and_the_join_reached(tenant: Tenant):
    nodes = {
        "fork": parallel({"bad": "a", "good": "b"}),
        "a": failing("join"),
        "b": setting("x", 1, "join"),
        "join": {"type": "terminate"},
    }
    run = finished(tenant, nodes, ZERO, zero=0)
    assert run.status == "completed"
    assert run.output_vars["x"] == 1
    assert run.output_vars["parallel_results"]["errors"]["bad"]["class"] == "expression_error"


def test_what_belongs_to_a_branch_alone_is_not_merged(tenant: Tenant):
    copy = {"step_id": "c", "action": "set_checkpoint", "name": "before"}
    nodes = {
        "fork": {
            "type": "parallel",
            "branches": [{"branch_id": "a", "start_node": "a"}, {"branch_id": "b", "start_node": "b"}],
        },
        "a": {**failing(), "on_error": "mend"},
        "b": {**failing(), "on_error": "mend"},
        "mend": {"type": "sequence", "steps": [copy, set_step("seen", "{{ error.node_id }}")]},
    }
    run = finished(tenant, nodes, ZERO, zero=0)
    assert run.output_vars["parallel_results"] == {"branches": {"a": {"seen": "a"}, "b": {"seen": "b"}}, "errors": {}}
    assert payloads(run, "variable_conflict") == [{"name": "seen", "branches": ["a", "b"]}]


def test_all_branches_failed(tenant: Tenant):
    nodes = {"fork": parallel({"one": "a", "two": "a"}), "a": failing("join"), "join": {"type": "terminate"}}
    run = finished(tenant, nodes, ZERO, zero=0)
    assert (run.status, run.error_class) == ("failed", "all_branches_failed")


def test_the_first_failure_stops_the_others(tenant: Tenant):
    nodes = {
        "fork": parallel({"bad": "a", "asks": "b"}, branch_failure="fail"),
        "a": failing("join"),
        "b": asking("join"),
        "join": {"type": "terminate"},
    }
    run = finished(tenant, nodes, ZERO, zero=0)
    assert (run.status, run.error_class) == ("failed", "expression_error")
    assert not Wait.objects.filter(run=run, state="open").exists()


def test_any_goes_on_over_a_branch_that_waits(tenant: Tenant):
    nodes = {
        "fork": parallel({"asks": "a", "quick": "b"}, wait_strategy="any"),
        "a": asking("join"),
        "b": setting("x", 1, "join"),
        "join": {"type": "terminate"},
    }
    run = finished(tenant, nodes)
    assert run.status == "completed"
    assert not Wait.objects.filter(run=run, state="open").exists()


NESTED = {
    "each": {**LOOP["each"], "body_node": "fork", "collect_variable": "all", "collect": "answers", "next_node": "end"},
    "fork": {
        "type": "parallel",
        "branches": [{"branch_id": "l", "start_node": "ask"}, {"branch_id": "r", "start_node": "plain"}],
        "next_node": "each_done",
    },
    "ask": asking("note"),
    "note": {
        "type": "sequence",
        "steps": [set_step("answers", "{{row}}-{{approval.comment}}")],
        "next_node": "each_done",
    },
    "plain": setting("other", "{{row}}", "each_done"),
    "each_done": {"type": "processing", "operations": [], "next_node": "each"},
    "end": {"type": "terminate"},
}


def test_an_approval_in_a_branch_in_a_loop_has_its_own_place(tenant: Tenant):
    run = finished(tenant, NESTED, LIST, rows=["a", "b"])
    for index in range(2):
        assert run.status == "waiting_approval", run.error
        path = f"each[{index}]/fork:l/ask"
        assert [wait.path for wait in Wait.objects.filter(run=run, state="open")] == [path]
        runs.answer(run, path, {"decision": "approved", "comment": f"c{index}"})
        run = runs.drive(run)
    assert run.status == "completed", run.error
    assert run.output_vars["all"] == ["a-c0", "b-c1"]


def test_a_body_of_many_plain_nodes_parks_and_goes_on_wherever_it_waits(tenant: Tenant):
    body = {f"n{one}": setting("at", one, f"n{one + 1}") for one in range(25)}
    body["n3"]["steps"].append({"step_id": "w", "action": "wait", "duration_ms": 60_000})
    each = {**LOOP["each"], "body_node": "n0", "collect_variable": "all", "collect": "at"}
    nodes = {"each": each, **body, "n25": asking("n26"), "n26": setting("at", "{{row}}", "each"), "end": LOOP["end"]}
    run = finished(tenant, nodes, LIST, rows=["a", "b"])
    for _ in range(2):
        assert run.status == "paused"
        runs.fire(Wait.objects.get(run=run, state="open"))
        assert runs.drive(run).status == "waiting_approval"
        runs.answer(run, Wait.objects.get(run=run, state="open").path, {"decision": "approved"})
        run = runs.drive(run)
    assert run.status == "completed", run.error
    assert run.output_vars["all"] == ["a", "b"]
    assert Visit.objects.filter(run=run).count() == 2 * 27 + 2


def test_two_open_questions_are_answered_in_any_order(tenant: Tenant):
    nodes = {
        "fork": parallel({"left": "a", "right": "b"}),
        "a": {**asking("join"), "output_variable": "left"},
        "b": {**asking("join"), "output_variable": "right"},
        "join": {"type": "terminate", "outputs": {"l": "{{left.comment}}", "r": "{{right.comment}}"}},
    }
    run = finished(tenant, nodes)
    assert Wait.objects.filter(run=run, state="open").count() == 2
    runs.answer(run, "fork:right/b", {"decision": "approved", "comment": "R"})
    run = runs.drive(run)
    assert run.status == "waiting_approval"
    runs.answer(run, "fork:left/a", {"decision": "approved", "comment": "L"})
    run = runs.drive(run)
    assert run.output_vars == {"l": "L", "r": "R"}


def test_terminate_in_a_branch_in_a_loop_ends_the_run(tenant: Tenant):
    nodes = {
        "each": {**LOOP["each"], "body_node": "fork"},
        "fork": {**parallel({"stop": "over", "asks": "a"}), "next_node": "back"},
        "over": {"type": "terminate", "outputs": {"at": "{{row}}"}},
        "a": asking("back"),
        "back": {"type": "processing", "operations": [], "next_node": "each"},
        "end": {"type": "terminate"},
    }
    run = finished(tenant, nodes, LIST, rows=["a", "b"])
    assert run.status == "completed"
    assert run.output_vars == {"at": "a"}
    assert not Wait.objects.filter(run=run, state="open").exists()


def test_a_cycle_numbers_its_visits(tenant: Tenant):
    nodes = {
        "count": {
            "type": "sequence",
            "steps": [{"step_id": "c", "action": "calculate", "expression": "n + 1", "output_variable": "n"}],
            "next_node": "again",
        },
        "again": {
            "type": "logic",
            "rules": [{"condition": "n < 3", "next_node": "count"}],
            "default_next_node": "end",
        },
        "end": {"type": "terminate"},
    }
    run = finished(tenant, nodes, {"n": {"type": "integer", "default": 0}}, n=0)
    assert visited(run) == {"count", "again", "count#2", "again#2", "count#3", "again#3", "end"}


def test_an_endless_cycle_reaches_its_limit(tenant: Tenant):
    nodes = {
        "a": {"type": "logic", "rules": [{"condition": "stop", "next_node": "end"}], "default_next_node": "b"},
        "b": {"type": "processing", "operations": [], "next_node": "a"},
        "end": {"type": "terminate"},
    }
    source = runs.document(
        nodes, variables_schema={"stop": {"type": "boolean", "default": False}}, global_config={"max_node_visits": 20}
    )
    run = runs.drive(runs.queue(tenant, source, stop=False))
    assert (run.status, run.error_class) == ("failed", "visit_limit")
    assert Visit.objects.filter(run=run).count() == 21


def test_many_branches_execute_at_most_eight_at_once(tenant: Tenant):
    inner = {
        "inner": parallel({f"b{n}": "leaf" for n in range(8)}) | {"next_node": "meet"},
        "leaf": setting("x", 1, "meet"),
        "meet": {"type": "processing", "operations": [], "next_node": "join"},
    }
    nodes = {"fork": parallel({f"b{n}": "inner" for n in range(8)}), **inner, "join": {"type": "terminate"}}
    run = finished(tenant, nodes)
    assert run.status == "completed", run.error
    assert len([path for path in visited(run) if path.endswith("/leaf")]) == 64


@pytest.fixture
def small_states(settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(update={"MAX_STATE_BYTES": 2_000})


def growing(next_node: str) -> dict[str, Any]:
    """Adds two hundred characters to a list with each visit."""
    step = {"step_id": "s", "action": "append_to_array", "array": "all", "value": "x" * 200}
    return {"type": "sequence", "steps": [step], "next_node": next_node}


def test_a_state_that_grows_too_large_fails_the_node_that_made_it_so(tenant: Tenant, small_states: None):
    loop = {"type": "loop", "iterator": "rows", "body_node": "grow", "next_node": "end"}
    nodes = {"each": loop, "grow": growing("each"), "end": {"type": "terminate"}}
    run = finished(tenant, nodes, LIST, rows=[1] * 5)
    assert run.status == "completed"
    assert len(run.output_vars["all"]) == 5
    run = finished(tenant, nodes, LIST, rows=[1] * 20)
    assert (run.status, run.error_class, run.error["node_id"]) == ("failed", "state_too_large", "grow")
    assert run.error["path"] in ("each[8]/grow", "each[9]/grow")


def test_the_state_of_a_run_that_waited_counts_too(tenant: Tenant, small_states: None):
    nodes = {
        "a": setting("a", "x" * 900, "ask"),
        "ask": asking("b"),
        "b": setting("b", "x" * 900, "c"),
        "c": setting("c", "x" * 900, "end"),
        "end": {"type": "terminate"},
    }
    run = finished(tenant, nodes)
    assert runs.answer(run, "ask", {"decision": "approved"})
    run = runs.drive(run)
    assert (run.status, run.error_class, run.error["node_id"]) == ("failed", "state_too_large", "c")
    run = finished(tenant, {"a": setting("a", "y", "end"), "end": {"type": "terminate"}}, LIST, rows=["x" * 1_995])
    assert run.error_class == "state_too_large"


def test_a_run_makes_at_most_its_number_of_visits(tenant: Tenant):
    nodes = {
        "a": setting("x", 1, "again"),
        "again": {"type": "logic", "rules": [{"condition": "x > 1", "next_node": "end"}], "default_next_node": "a"},
        "end": {"type": "terminate"},
    }
    source = runs.document(nodes, global_config={"max_node_visits": 7})
    run = runs.drive(runs.queue(tenant, source))
    assert (run.status, run.error_class, run.error["node_id"]) == ("failed", "visit_limit", "again")
