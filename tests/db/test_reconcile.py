"""What is wrong with runs is found, mended where that is safe, and told in a sentence; steps in doubt are listed."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from agents.models import Agent, AgentLease
from approvals.models import Approval
from langorch.lib import clock, ids
from orchestration.models import Event, Run, RunJob, StepRecord, Wait
from orchestration.reconcile import Finding, reconcile
from orchestration.runtime.claims import claim
from orchestration.runtime.records import Batch, Fenced
from orchestration.runtime.store import writer
from tenants.models import Tenant
from tests import runs
from tests.children import asks, calls, child_of, ends, made, started
from tests.people import House

pytestmark = pytest.mark.django_db

NOTHING = {"a": {"type": "processing", "operations": [], "next_node": "end"}, "end": {"type": "terminate"}}
FREE = runs.document(NOTHING) | {"procedure_id": "free"}
ASKED = {"type": "human_approval", "prompt": "?", "approvers": {"roles": ["approver"]}, "on_approve": "end"}
ASKING = runs.document({"ask": ASKED, "end": {"type": "terminate"}})
NAP = {"type": "sequence", "steps": [{"step_id": "w", "action": "wait", "duration_ms": 60_000}], "next_node": "end"}
NAPPING = runs.document({"nap": NAP, "end": {"type": "terminate"}})
ENDED = {"status": "completed", "ended_at": clock.now()}


def findings(*, fix: bool) -> list[Finding]:
    return list(reconcile(fix=fix))


def set_run(run: Run, **values: Any) -> None:
    Run.system.filter(pk=run.pk).update(**values)


def state_of(run: Run) -> tuple[str, str]:
    return Run.system.get(pk=run.pk).status, RunJob.objects.get(pk=run.pk).state


def all_is_well() -> bool:
    return not findings(fix=False)


def test_nothing_is_wrong_with_sound_runs(house, tenant: Tenant):
    runs.queue(tenant, FREE)
    runs.drive(runs.queue(tenant, ASKING))
    runs.drive(runs.queue(tenant, NAPPING))
    runs.queue(tenant, FREE)
    claim("w")
    assert all_is_well()
    assert findings(fix=True) == []


class TestPairs:
    @pytest.mark.parametrize(
        ("values", "job", "after"),
        [
            (ENDED, {"state": "ready"}, ("completed", "done")),
            ({"status": "created"}, {"state": "done"}, ("created", "ready")),
            ({"status": "running", "started_at": clock.now()}, {"state": "parked"}, ("created", "ready")),
            ({"status": "paused", "started_at": clock.now()}, {"state": "ready"}, ("paused", "parked")),
        ],
    )
    def test_job_and_run_are_paired_again(self, tenant: Tenant, values: Any, job: Any, after: tuple[str, str]):
        run = runs.queue(tenant, FREE)
        set_run(run, **values)
        RunJob.objects.filter(pk=run.pk).update(**job)
        Wait.objects.create(run=run, path="a", kind="timer", ref="r", since=clock.now(), state="open")
        unseen = [found for found in findings(fix=False) if found.check == "pair"]
        assert [(found.run_id, found.mended) for found in unseen] == [(run.pk, False)]
        assert unseen[0].sentence.startswith(f"The run is {values['status']}, but its job is {job['state']}")
        assert any(found.mended for found in findings(fix=True))
        assert state_of(run) == after
        assert all_is_well()

    def test_a_run_without_a_job_gets_one(self, tenant: Tenant):
        run = runs.queue(tenant, FREE)
        RunJob.objects.filter(pk=run.pk).delete()
        assert [found.sentence for found in findings(fix=True)] == ["The run is created, but it has no job"]
        assert runs.drive(run).status == "completed"

    def test_a_worker_that_was_thought_away_can_write_nothing_more(self, tenant: Tenant):
        run = runs.queue(tenant, FREE)
        claimed = claim("w")
        RunJob.objects.filter(pk=run.pk).update(state="parked", lease_owner="", lease_until=None)
        assert [found.mended for found in findings(fix=True)] == [True]
        connection.ensure_connection()
        with pytest.raises(Fenced):
            writer()(connection.connection, run.pk, claimed.lease.fence, Batch(closed=["x"]), calm=False)
        assert runs.drive(run).status == "completed"


def test_leases_that_ran_out_unseen(tenant: Tenant):
    run = runs.queue(tenant, FREE)
    claim("gone")
    RunJob.objects.filter(pk=run.pk).update(lease_until=clock.now() - timedelta(minutes=5))
    assert [found.check for found in findings(fix=False)] == ["lease"]
    assert "worker gone ran out at" in findings(fix=True)[0].sentence
    assert state_of(run) == ("created", "ready")


class TestParked:
    def test_a_run_that_nothing_would_wake_goes_on(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, NAPPING))
        Wait.objects.filter(run=run).update(state="answered", closed_at=clock.now())
        found = findings(fix=True)
        assert [(one.check, one.mended) for one in found] == [("parked", True)]
        assert runs.drive(run).status == "completed"
        told = Event.objects.filter(run=run, event_type="run_resumed").get().payload
        assert told["by"] == "reconcile"

    def test_an_answer_that_nobody_acted_on(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, NAPPING))
        RunJob.objects.filter(pk=run.pk).update(wake_seq=7)
        assert "was answered" in findings(fix=True)[0].sentence
        assert runs.drive(run).status == "paused", "it waits on, as its records say"
        assert all_is_well()

    def test_what_is_overdue_is_let_happen(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, NAPPING))
        Wait.objects.filter(run=run).update(until=clock.now() - timedelta(minutes=5))
        found = findings(fix=True)
        assert [(one.check, one.mended) for one in found] == [("overdue", True)]
        assert runs.drive(run).status == "completed"

    def test_a_held_run_is_left_alone(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, NAPPING))
        Wait.objects.filter(run=run).update(until=clock.now() - timedelta(minutes=5))
        Wait.objects.create(run=run, path="", kind="operator", ref="h", since=clock.now())
        assert findings(fix=True) == []


class TestOrphans:
    def test_an_ended_run_waits_for_nothing_and_asks_nobody(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, ASKING))
        set_run(run, **ENDED)
        RunJob.objects.filter(pk=run.pk).update(state="done")
        assert {found.check for found in findings(fix=False)} == {"wait", "approval"}
        assert all(found.mended for found in findings(fix=True))
        assert Wait.objects.get(run=run).state == "canceled"
        assert Approval.system.get(run_id=run.pk).status == "cancelled"
        assert all_is_well()

    def test_a_decision_that_did_not_arrive(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, ASKING))
        Approval.system.update(status="approved", decided_by="Ana", decided_at=clock.now())
        assert [found.mended for found in findings(fix=True)] == [True]
        assert runs.drive(run).status == "completed"

    def test_a_question_that_is_gone_is_told(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, ASKING))
        Wait.objects.filter(run=run).update(ref=str(ids.uuid7()))
        (found,) = findings(fix=True)
        assert (found.safe, found.mended) == (False, False)
        assert "nobody is asked" in found.sentence

    def test_slots_of_agents(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, FREE))
        now = clock.now()
        agent = Agent.system.create(id=ids.uuid7(), tenant=tenant, agent_id="web-1", name="Web", channel="web")
        lease = AgentLease.system.create(
            id=ids.uuid7(),
            tenant=tenant,
            agent=agent,
            run_id=run.pk,
            dispatch_id=ids.uuid7(),
            fence=1,
            acquired_at=now,
            expires_at=now.replace(year=2099),
        )
        assert findings(fix=True)[0].sentence.endswith("holds a slot of the agent web-1")
        lease.refresh_from_db()
        assert lease.released_at is not None

    def test_children_follow_their_parent(self, tenant: Tenant):
        parent, child = runs.drive(runs.queue(tenant, FREE)), runs.drive(runs.queue(tenant, NAPPING))
        set_run(child, parent_run=parent)
        assert [found.check for found in findings(fix=True)] == ["child"]
        assert Run.system.get(pk=child.pk).status == "canceled"


class TestTheCommand:
    def output(self, *args: str) -> str:
        out = StringIO()
        call_command("reconcile", *args, stdout=out)
        return out.getvalue()

    def test_it_lists_first_and_mends_when_told(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, NAPPING))
        Wait.objects.filter(run=run).update(state="answered", closed_at=clock.now())
        assert self.output().endswith("1 wrong\n")
        assert self.output("--fix").startswith(f"mended   {run.pk}  The run is parked")
        assert self.output() == "Nothing is wrong, and no step is in doubt.\n"

    def test_steps_in_doubt_are_listed_and_left_alone(self, tenant: Tenant):
        run = runs.queue(tenant, FREE)
        step = StepRecord.objects.create(
            run=run, path="a", step_id="s", node_id="a", action="post", state="started", key="k", started_at=clock.now()
        )
        listed = self.output("--fix")
        assert listed.startswith(f"in doubt {run.pk}  post at a, step s, was begun at")
        assert "it is sent again under the key k when the run goes on" in listed
        step.refresh_from_db()
        assert step.state == "started"


def test_a_parent_that_did_not_hear_of_its_child_s_end_is_told(house: House):
    made(house.operator, "child", {"ask": asks("end"), "end": ends(r=1)})
    made(house.operator, "parent", {"call": {**calls(), "next_node": "end"}, "end": ends(r="{{ subflow_output.r }}")})
    parent = runs.drive(started(house.operator))
    child = child_of(parent)
    set_run(child, status="completed", output_vars={"r": 1}, ended_at=clock.now())
    RunJob.objects.filter(run=child).update(state="done")
    Wait.objects.filter(run=child).update(state="canceled")
    Approval.system.filter(run_id=child.pk).update(status="cancelled")
    (found,) = findings(fix=False)
    assert (found.check, found.run_id, found.safe) == ("child_end", parent.pk, True)
    (found,) = findings(fix=True)
    assert found.mended
    assert runs.drive(parent).output_vars == {"r": 1}
    assert all_is_well()
