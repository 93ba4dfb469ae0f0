"""A worker dies at each of its commits while limits pass, branches are tried again and a run is undone."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from orchestration.models import Event, Run, StepRecord, Visit, Wait
from tenants.models import Tenant
from tests import runs
from tests.chaos.failpoints import Commits

pytestmark = pytest.mark.django_db(transaction=True)

DIVIDE = {"step_id": "d", "action": "calculate", "expression": "1 / zero", "output_variable": "x"}
RETRY = {"max_retries": 1, "strategy": "fixed", "base_delay_ms": 1, "retry_on": ["expression_error"]}


def doing(step_id: str, next_node: str, *more: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A node whose first step can be undone."""
    undo = {"step_id": f"undo_{step_id}", "action": "log", "message": "undo {{compensates.path}}"}
    step = {"step_id": step_id, "action": "calculate", "expression": "1", "output_variable": step_id}
    return {"type": "sequence", "steps": [{**step, "compensate_with": undo}, *more], "next_node": next_node, **fields}


def everything() -> dict[str, Any]:
    """A node that passes its time and goes on, one that breaches its SLA, a branch tried again, much to undo."""
    nap = {"step_id": "w", "action": "wait", "duration_ms": 1_900}
    branches = [{"branch_id": "bad", "start_node": "bad"}, {"branch_id": "good", "start_node": "good"}]
    nodes = {
        "slow": doing("slow", "each", nap, timeout_policy={"timeout_ms": 15, "on_timeout": "fail_open"}),
        "each": {"type": "loop", "iterator": "[1, 2]", "body_node": "body", "next_node": "late"},
        "body": doing("body", "each"),
        "late": {
            "type": "loop",
            "iterator": "[1]",
            "body_node": "doze",
            "next_node": "fork",
            "sla": {"max_duration_ms": 5},
        },
        "doze": doing("doze", "late", {**nap, "duration_ms": 15}),
        "fork": {
            "type": "parallel",
            "branches": branches,
            "branch_failure": "retry",
            "retry": RETRY,
            "next_node": "end",
        },
        "bad": doing("bad", "end", {**nap, "duration_ms": 60}, DIVIDE),
        "good": doing("good", "end", compensate_with={**DIVIDE, "step_id": "undo_all", "retry_config": RETRY}),
        "end": {"type": "terminate"},
    }
    return runs.document(nodes, variables_schema={"zero": {"type": "integer", "default": 0}})


def outcome(run: Run) -> dict[str, Any]:
    """What a run came to, but for who drove it."""
    events = Event.objects.filter(run=run)
    logs = [payload["message"] for payload in events.filter(event_type="log").values_list("payload", flat=True)]
    return {
        "status": run.status,
        "error": (run.error_class, run.error["path"]),
        "visits": set(Visit.objects.filter(run=run).values_list("path", "state", "outcome", "next_node")),
        "steps": set(StepRecord.objects.filter(run=run).values_list("path", "step_id", "state", "attempt")),
        "undone": sorted(logs),
        "breaches": events.filter(event_type="sla_breached").count(),
        "counts": events.get(event_type="compensation_completed").payload,
        "ends": events.filter(event_type__in=["run_failed", "run_completed"]).count(),
        "open waits": Wait.objects.filter(run=run, state="open").count(),
    }


def disturbed(tenant: Tenant, commits: Commits, fatal: int) -> tuple[Run, bool]:
    """Drive a run to its end while its worker dies at one point; and whether it did."""
    commits.count = 0
    run = runs.queue(tenant, everything(), zero=0)
    died = commits.drive(fatal)
    if died:
        commits.drive()
    run.refresh_from_db()
    return run, died


@pytest.mark.parametrize("durable", [True, False])
def test_nothing_is_undone_twice_wherever_the_worker_dies(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, durable: bool
):
    commits = Commits(monkeypatch)
    environment = django_settings.ENV.model_copy(update={"DURABLE_EVERY_STEP": durable})
    with override_settings(ENV=environment):
        expected = outcome(disturbed(tenant, commits, 0)[0])
        assert expected["counts"] == {"done": 6, "failed": 1}
        assert expected["breaches"] == 1
        assert expected["ends"] == 1
        fatal, died = 1, True
        while died:
            run, died = disturbed(tenant, commits, fatal)
            found = outcome(run)
            assert {name: found[name] for name in found if found[name] != expected[name]} == {}, f"died at {fatal}"
            fatal += 1
    assert fatal > 25
