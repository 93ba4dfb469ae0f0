"""A worker dies before and after each of its commits: the run ends as if nothing had happened (quality R7)."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from approvals.models import Approval
from orchestration.models import Event, Run, StepRecord, Visit, Wait
from orchestration.runtime.executors import EXECUTORS
from tenants.models import Tenant
from tests import runs
from tests.chaos.failpoints import Commits
from tests.chaos.test_agent_fail_points import DOCUMENT as AGENTS
from tests.chaos.test_fail_points_of_children import PARENT as CHILDREN
from tests.chaos.test_model_fail_points import DOCUMENT as MODELS

pytestmark = pytest.mark.django_db(transaction=True)


NODES: dict[str, Any] = {
    "begin": {
        "type": "sequence",
        "steps": [
            {"step_id": "rows", "action": "set_variable", "variable": "rows", "value": ["a", "b"]},
            {"step_id": "sleep", "action": "wait", "duration_ms": 60_000},
            {"step_id": "id", "action": "append_to_array", "array": "marks", "value": "{{who}}"},
        ],
        "next_node": "outer",
    },
    "outer": {
        "type": "loop",
        "iterator": "rows",
        "iterator_variable": "row",
        "body_node": "fork",
        "collect_variable": "answers",
        "collect": "answer.comment",
        "next_node": "risky",
    },
    "fork": {
        "type": "parallel",
        "branches": [
            {"branch_id": "ask", "start_node": "ask"},
            {"branch_id": "count", "start_node": "inner"},
            {"branch_id": "bad", "start_node": "bad"},
        ],
        "next_node": "meet",
    },
    "ask": {"type": "human_approval", "prompt": "{{row}}?", "on_approve": "meet", "output_variable": "answer"},
    "inner": {
        "type": "loop",
        "iterator": "[1, 2]",
        "iterator_variable": "n",
        "body_node": "add",
        "next_node": "meet",
    },
    "add": {
        "type": "sequence",
        "steps": [
            {"step_id": "s", "action": "calculate", "expression": "total + n", "output_variable": "total"},
            {"step_id": "m", "action": "append_to_array", "array": "marks", "value": "{{row}}{{n}}"},
        ],
        "next_node": "inner",
    },
    "bad": {
        "type": "sequence",
        "steps": [{"step_id": "b", "action": "calculate", "expression": "1 / zero", "output_variable": "never"}],
        "next_node": "meet",
    },
    "meet": {"type": "processing", "operations": [], "next_node": "outer"},
    "risky": {
        "type": "sequence",
        "steps": [
            {"step_id": "d", "action": "calculate", "expression": "1 / zero", "output_variable": "part"},
            {"step_id": "e", "action": "append_to_array", "array": "marks", "value": "risky"},
        ],
        "error_handlers": [
            {
                "action": "retry",
                "max_retries": 1,
                "delay_ms": 1,
                "recovery_steps": [
                    {"step_id": "mend", "action": "append_to_array", "array": "marks", "value": "mended"}
                ],
                "recovery_strategy": "continue",
            }
        ],
        "next_node": "shape",
    },
    "shape": {
        "type": "transform",
        "transformations": [
            {"type": "sort", "source_variable": "marks", "expression": "item", "output_variable": "ordered"}
        ],
        "next_node": "way",
    },
    "way": {
        "type": "logic",
        "rules": [{"condition": "tries > 99", "next_node": "lost"}],
        "default_next_node": "check",
    },
    "check": {
        "type": "verification",
        "checks": [{"id": "c", "condition": "tries > 1", "on_fail": "retry"}],
        "retry_node": "again",
        "max_retries": 3,
        "on_pass": "lost",
    },
    "again": {
        "type": "sequence",
        "steps": [{"step_id": "t", "action": "calculate", "expression": "tries + 1", "output_variable": "tries"}],
        "next_node": "check",
    },
    "lost": {
        "type": "sequence",
        "steps": [{"step_id": "l", "action": "calculate", "expression": "1 / zero", "output_variable": "part"}],
        "next_node": "end",
    },
    "rescue": {
        "type": "sequence",
        "steps": [{"step_id": "r", "action": "log", "message": "rescued"}],
        "next_node": "end",
    },
    "end": {
        "type": "terminate",
        "outputs": {"answers": "answers", "marks": "marks", "total": "total", "tries": "tries"},
    },
}
NUMBERS: dict[str, Any] = {name: {"type": "integer", "default": 0} for name in ("zero", "total", "tries")}
EVERYTHING = runs.document(
    NODES,
    variables_schema={**NUMBERS, "who": {"type": "string", "default": "me"}},
    global_config={"on_failure": "rescue"},
)
"""Loop in branch, branch in loop, an approval inside, a timer, a failure handled, a recovery, a verification."""


def go_on(run: Run) -> None:
    """Answer what the run waits for."""
    for wait in Wait.objects.filter(run=run, state="open"):
        if wait.kind == "approval":
            runs.answer(run, wait.path, {"decision": "approved", "comment": f"fine {wait.path}"})
        else:
            runs.fire(wait)


def outcome(run: Run) -> dict[str, Any]:
    """What a run came to: all of it that does not depend on when and by whom it was driven."""
    run.refresh_from_db()
    visits = Visit.objects.filter(run=run).values_list("path", "state", "outcome", "next_node")
    steps = StepRecord.objects.filter(run=run).values_list("path", "step_id", "state", "attempt")
    return {
        "status": run.status,
        "outputs": run.output_vars,
        "recovered_via": run.recovered_via,
        "visits": set(visits),
        "steps": set(steps),
        "questions": Approval.system.filter(run_id=run.pk).count(),
        "open waits": Wait.objects.filter(run=run, state="open").count(),
    }


def differences(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """What differs: of sets, the members that one of them lacks."""
    return {
        name: value ^ expected[name] if isinstance(value, set) else (value, expected[name])
        for name, value in found.items()
        if value != expected[name]
    }


def disturbed(tenant: Tenant, commits: Commits, fatal: int) -> tuple[Run, bool]:
    """Drive a run to its end while its worker dies at one point; and whether it did."""
    commits.count = 0
    run = runs.queue(tenant, EVERYTHING, zero=0, total=0, tries=0, who="me")
    died = False
    for _ in range(60):
        died = commits.drive(0 if died else fatal) or died
        run.refresh_from_db()
        if run.status in ("completed", "failed"):
            return run, died
        go_on(run)
    raise AssertionError(f"the run came to no end: {run.status}")


@pytest.mark.parametrize("durable", [True, False])
def test_the_end_is_the_same_wherever_the_worker_dies(tenant: Tenant, monkeypatch: pytest.MonkeyPatch, durable: bool):
    commits = Commits(monkeypatch)
    environment = django_settings.ENV.model_copy(update={"DURABLE_EVERY_STEP": durable})
    with override_settings(ENV=environment):
        undisturbed, _ = disturbed(tenant, commits, 0)
        expected = outcome(undisturbed)
        assert expected["status"] == "completed", undisturbed.error
        assert expected["outputs"]["marks"] == ["me", "a1", "a2", "b1", "b2", "mended", "mended", "risky"]
        fatal = 1
        while True:
            run, died = disturbed(tenant, commits, fatal)
            assert differences(outcome(run), expected) == {}, f"the worker died at point {fatal}"
            assert_events_are_whole(run)
            if not died:
                break
            fatal += 1
    assert fatal > (50 if durable else 20)


def test_every_kind_of_node_meets_fail_points():
    """In the documents of the fail points: a new kind of node has to come into one of them."""
    graphs = [document["workflow_graph"]["nodes"] for document in (EVERYTHING, AGENTS, MODELS)]
    assert {node["type"] for nodes in (*graphs, CHILDREN) for node in nodes.values()} == set(EXECUTORS)


def assert_events_are_whole(run: Run) -> None:
    """Numbers without gaps, and one end."""
    told = list(Event.objects.filter(run=run).order_by("seq").values_list("seq", "event_type"))
    assert [seq for seq, _ in told] == list(range(1, run.last_seq + 1))
    assert [name for _, name in told].count("run_completed") == 1
