"""Retention: what is old goes, what is needed stays, and open runs are never touched (settings 5)."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.models import AgentLease
from approvals import services as approvals
from approvals.models import Notice
from approvals.rules.answers import Answer
from langorch.lib import clock, ids
from orchestration import bulk_jobs, pruning
from orchestration.models import BulkItem, Event, IdempotencyKey, Run, RunJob, Snapshot, Wait
from orchestration.retention import KINDS
from tenants.models import Tenant
from tests import agents, people, questions, runs
from tests.documents import hello
from tests.people import ApiClients, House
from tests.published import publish

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
        **dict.fromkeys(KINDS, 0),
        "waits": 2,
        "spare_checkpoints": 3,
        "checkpoints": 2,
        "events": 1,
    }
    assert told["events"] == 1
    assert "files" not in told
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


def pruned(days: float, kind: str) -> int:
    """How many rows of a kind go so many days from now."""
    with clock.use(clock.FixedClock(clock.now() + timedelta(days=days))):
        return pruning.prune([kind])[kind]


@pytest.mark.django_db(transaction=True)
def test_slots_that_were_given_back_go_a_week_later_unless_their_run_is_open(tenant: Tenant):
    call = {"type": "sequence", "agent": "web", "steps": [{"step_id": "s", "action": "look"}], "next_node": "b"}
    nap = {"type": "sequence", "steps": [{"step_id": "s", "action": "wait", "duration_ms": 10**9}]}
    with agents.agent(tenant, look=lambda params: 1):
        runs.drive(runs.queue(tenant, runs.document({"a": call, "b": {"type": "terminate"}})))
        asleep = runs.drive(runs.queue(tenant, runs.document({"a": call, "b": nap})))
    assert pruned(6, "leases") == 0
    assert pruned(8, "leases") == 1
    assert AgentLease.system.get().run_id == asleep.pk


def test_tokens_go_a_week_after_their_end_and_stay_refused(house: House, api: ApiClients):
    client = api(house.operator)
    assert pruned(6, "tokens") == 0
    with clock.use(clock.FixedClock(clock.now() + timedelta(days=8))):
        assert pruning.prune(["tokens"]) == {"tokens": 1}
        assert client.get("/api/runs").json()["code"] == "token_expired"


def test_bulk_jobs_go_a_week_after_their_end(house: House, api: ApiClients, tenant: Tenant):
    wanted = {"verb": "cancel", "ids": [str(filled(tenant, 2).pk)], "reason": "old"}
    api(house.operator).post("/api/runs/bulk", wanted)
    assert pruned(8, "bulk_jobs") == 0, "it has not ended"
    while bulk_jobs.work():
        pass
    assert pruned(6, "bulk_jobs") == 0
    assert pruned(8, "bulk_jobs") == 1
    assert not BulkItem.objects.exists()


def test_stored_answers_go_after_a_day(house: House, api: ApiClients):
    publish(house.operator, hello("p"), house.project)
    api(house.operator).post("/api/runs", {"procedure_id": "p"}, HTTP_IDEMPOTENCY_KEY="k")
    assert pruned(0.9, "answers") == 0
    assert pruned(1.1, "answers") == 1


def test_mails_about_closed_questions_go_after_thirty_days(house: House):
    questions.question(house.tenant, house.project)
    closed = questions.question(house.tenant, house.project)
    approvals.decide(people.actor(house.approver), closed.pk, Answer("approved"))
    mails = Notice.system.filter(approval=closed).count()
    assert mails > 0
    assert pruned(29, "notices") == 0
    assert pruned(31, "notices") == mails
    assert not Notice.system.filter(approval=closed).exists()
    assert Notice.system.exists()


def test_a_run_that_is_retried_long_after_finds_its_job(tenant: Tenant):
    run = filled(tenant, 40, status="failed", error={"class": "internal"}, error_class="internal")
    pruning.prune()
    runs.reopen(run)
    assert RunJob.objects.get(pk=run.pk).state == "ready"


def test_the_command_counts_and_refuses_what_it_does_not_know(tenant: Tenant):
    filled(tenant, 40)
    out = StringIO()
    call_command("prune", "--dry-run", "--what", "events,waits", stdout=out)
    assert out.getvalue() == "events: 1 would be removed\nwaits: 1 would be removed\n"
    for wrong in (
        ["--what", "nothing"],
        ["--before", "2026-01-01"],
        ["--what", "events", "--before", "soon"],
        ["--what", "files", "--dry-run"],
        ["--what", "files,events", "--before", "2026-01-01"],
    ):
        with pytest.raises(CommandError):
            call_command("prune", *wrong)
