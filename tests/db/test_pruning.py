"""Retention: what is old goes, what is needed stays, and open runs are never touched (settings 5)."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from langorch.lib import clock, ids
from orchestration import pruning
from orchestration.models import Event, IdempotencyKey, Run, RunJob, Snapshot, Wait
from orchestration.retention import KINDS
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db

NOTHING = {"a": {"type": "processing", "operations": [], "next_node": "end"}, "end": {"type": "terminate"}}


def filled(tenant: Tenant, days: float, **fields: Any) -> Run:
    """A run with events, a closed wait and three checkpoints, of which one is pinned, ended so many days ago."""
    run, then = runs.queue(tenant, runs.document(NOTHING)), clock.now() - timedelta(days=days)
    Wait.objects.create(run=run, path="a", kind="timer", ref="r", since=then, state="answered", closed_at=then)
    for pos in (1, 2, 3):
        Snapshot.objects.create(run=run, pos=pos, reason="park", pinned=pos == 1, variables={}, created_at=then)
    values = {"status": "completed", "ended_at": then, "started_at": then} | fields
    Run.system.filter(pk=run.pk).update(**values)
    RunJob.objects.filter(pk=run.pk).update(state="done")
    return run


def left(run: Run) -> tuple[int, int, list[int]]:
    """How many events and waits a run still has, and which checkpoints."""
    kept = Snapshot.objects.filter(run=run).order_by("pos").values_list("pos", flat=True)
    return Event.objects.filter(run=run).count(), Wait.objects.filter(run=run).count(), list(kept)


def test_each_kind_goes_at_its_age(tenant: Tenant):
    lately, days, week, month = (filled(tenant, age) for age in (0.5, 2, 10, 40))
    still_open = filled(tenant, 40, status="paused", ended_at=None)
    told = pruning.prune(dry_run=True)
    assert pruning.prune(KINDS) == {
        "runs": 0,
        "waits": 2,
        "spare_checkpoints": 3,
        "checkpoints": 2,
        "events": 1,
        "idempotency_keys": 0,
    }
    assert told["events"] == 1
    assert [left(run) for run in (lately, days, week, month, still_open)] == [
        (1, 1, [1, 2, 3]),
        (1, 1, [1, 3]),
        (1, 0, [1, 3]),
        (0, 0, []),
        (1, 1, [1, 2, 3]),
    ]
    assert Run.system.count() == 5, "runs are kept unless RUN_RETENTION_DAYS says otherwise"


def test_runs_go_when_told_to(tenant: Tenant):
    old, young = filled(tenant, 40), filled(tenant, 2)
    assert pruning.prune(["runs"], clock.now() - timedelta(days=30)) == {"runs": 1}
    assert [run.pk for run in Run.system.all()] == [young.pk]
    assert not Event.objects.filter(run_id=old.pk).exists()


def test_keys_that_are_finished_go(tenant: Tenant):
    for place, (state, days) in enumerate([("completed", 40), ("completed", 2), ("started", 40)]):
        IdempotencyKey.system.create(
            tenant=tenant,
            scope="global",
            digest=str(place),
            run_id=ids.uuid7(),
            state=state,
            updated_at=clock.now() - timedelta(days=days),
        )
    assert pruning.prune(["idempotency_keys"]) == {"idempotency_keys": 1}


def test_the_command_counts_and_refuses_what_it_does_not_know(tenant: Tenant):
    filled(tenant, 40)
    out = StringIO()
    call_command("prune", "--dry-run", "--what", "events,waits", stdout=out)
    assert out.getvalue() == "events: 1 would be removed\nwaits: 1 would be removed\n"
    for wrong in (["--what", "nothing"], ["--before", "2026-01-01"], ["--what", "events", "--before", "soon"]):
        with pytest.raises(CommandError):
            call_command("prune", *wrong)
