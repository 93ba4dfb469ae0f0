"""What runs say they wait for: how full it is, who stands in the way, the place in line (runtime 2 and 3)."""

from typing import Any

import pytest
from django.db import transaction

from agents.models import Agent, AgentLease
from langorch.lib import clock, ids
from orchestration import holds, queue_view, waiting
from orchestration.models import Run, RunJob, Wait
from orchestration.runtime.claims import claim
from tenants.models import Tenant
from tests import people, runs

pytestmark = pytest.mark.django_db

NOTHING = {"a": {"type": "processing", "operations": [], "next_node": "end"}, "end": {"type": "terminate"}}
FREE = runs.document(NOTHING) | {"procedure_id": "free"}
ASKED = {"type": "human_approval", "prompt": "?", "approvers": {"roles": ["approver"]}, "on_approve": "end"}
ASKING = runs.document({"ask": ASKED, "end": {"type": "terminate"}})


def said(run: Run) -> tuple[str, str]:
    """The ref and the sentence of a run, read anew."""
    entry = waiting.waiting_for_one(Run.system.get(pk=run.pk)).entry
    return entry["ref"], entry["sentence"]


def parked(tenant: Tenant, kind: str, ref: str, number: int = 1) -> list[Run]:
    """Runs that wait parked for one thing."""
    found = runs.queue_many(tenant, FREE, number)
    Run.system.filter(pk__in=[run.pk for run in found]).update(status="paused", started_at=clock.now())
    RunJob.objects.filter(pk__in=[run.pk for run in found]).update(state="parked")
    for run in found:
        Wait.objects.create(run=run, path="a", kind=kind, ref=ref, since=clock.now())
    return found


class TestQueued:
    def test_for_a_worker(self, tenant: Tenant):
        runs.queue(tenant, FREE)
        assert said(runs.queue(tenant, FREE)) == ("worker", "Waiting for a free worker, 2nd in line")

    def test_for_the_tenant(self, tenant: Tenant):
        Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=1)
        first, second = runs.queue(tenant, FREE), runs.queue(tenant, FREE)
        assert claim("w").run.pk == first.pk
        assert said(second) == ("tenant", "Waiting: the tenant has 1 of 1 run at work, 1st in line")

    def test_for_the_project(self, house, tenant: Tenant):
        type(house.project).system.filter(pk=house.project.pk).update(settings={"quotas": {"max_running_runs": 1}})
        first, second, third = (runs.queue(tenant, FREE) for _ in range(3))
        for run in (first, second):
            Run.system.filter(pk=run.pk).update(project=house.project)
            RunJob.objects.filter(pk=run.pk).update(place=house.project.pk)
        assert claim("w").run.pk == first.pk
        assert said(second) == ("project", "Waiting: the project has 1 of 1 run at work, 1st in line")
        assert said(third)[0] == "worker"

    def test_for_the_procedure_even_before_a_worker_came_by(self, tenant: Tenant):
        source = runs.document(NOTHING, global_config={"concurrency": {"max_runs": 1}})
        first, second, third = (runs.queue(tenant, source) for _ in range(3))
        assert said(first)[0] == "worker"
        assert claim("w").run.pk == first.pk
        expected = "Waiting: the procedure has 1 of 1 run under way, 2nd in line"
        assert said(third) == ("procedure", expected)
        assert claim("w") is None
        assert said(third) == ("procedure", expected)
        listed = waiting.waiting_for_each([Run.system.get(pk=second.pk)])[second.pk].entry
        assert listed["sentence"] == "Waiting: the procedure has 1 of 1 run under way"


class TestParked:
    @pytest.fixture
    def agent(self, tenant: Tenant) -> Agent:
        return Agent.system.create(
            id=ids.uuid7(), tenant=tenant, agent_id="web-1", name="Web", channel="web", pool_id="main"
        )

    def test_for_a_pool_that_is_busy(self, tenant: Tenant, agent: Agent):
        _, second = parked(tenant, "capacity", "pool:web/main", 2)
        lease(agent)
        assert said(second)[1] == "Waiting for a free agent in pool main (1 of 1 busy), 2nd in line"

    def test_for_a_pool_in_which_nobody_is_well(self, tenant: Tenant, agent: Agent):
        (run,) = parked(tenant, "capacity", "pool:web/main")
        Agent.system.filter(pk=agent.pk).update(status="offline")
        assert said(run)[1] == "Waiting for an agent in pool main: none can be used now (1 offline), 1st in line"
        Agent.system.all().delete()
        assert said(run)[1] == "Waiting for an agent in pool main: there is none any more, 1st in line"

    def test_for_a_child(self, tenant: Tenant):
        child = runs.queue(tenant, FREE)
        (run,) = parked(tenant, "subflow", str(child.pk))
        assert said(run)[1] == "Waiting for the run free@1.0.0 (created) that a started"

    def test_a_hold_is_named_first_with_who_and_why(self, tenant: Tenant):
        run = runs.drive(runs.queue(tenant, ASKING))
        with transaction.atomic():
            holds.place(run.pk, "Ana", "month end")
        entry = waiting.waiting_for_one(Run.system.get(pk=run.pk)).entry
        assert entry["kind"] == "approval"
        assert entry["sentence"] == "On hold by Ana: month end; then waiting for a decision by an approver"

    def test_every_open_wait_of_a_run_has_its_sentence(self, tenant: Tenant, agent: Agent):
        (run,) = parked(tenant, "capacity", "pool:web/main")
        Wait.objects.create(run=run, path="b", kind="capacity", ref="agent:erp/post", since=clock.now())
        sentences = [sentence for _, sentence in waiting.open_waits(Run.system.get(pk=run.pk))]
        assert sentences == [
            "Waiting for a free agent in pool main (0 of 1 busy), 1st in line",
            "Waiting for an agent that offers post: nobody on erp does",
        ]


def lease(agent: Agent) -> None:
    now = clock.now()
    AgentLease.system.create(
        id=ids.uuid7(),
        tenant_id=agent.tenant_id,
        agent=agent,
        run_id=ids.uuid7(),
        dispatch_id=ids.uuid7(),
        fence=1,
        acquired_at=now,
        expires_at=now.replace(year=2099),
    )


class TestTheQueue:
    def listed(self, house) -> list[Any]:
        return queue_view.queue(people.actor(house.operator))["next_jobs"]

    def test_the_next_twenty_in_the_order_of_their_claims(self, house, tenant: Tenant):
        first = runs.queue_many(tenant, FREE, 22)
        urgent, elsewhere = runs.queue(tenant, FREE), runs.queue(tenant, FREE)
        RunJob.objects.filter(pk=urgent.pk).update(priority=7)
        Run.system.filter(pk=elsewhere.pk).update(project=house.project)
        RunJob.objects.filter(pk=elsewhere.pk).update(place=house.project.pk)
        runs.queue(house.elsewhere, FREE)
        listed = self.listed(house)
        assert len(listed) == 20
        claimed = []
        while (taken := claim("w")) is not None:
            claimed.append(taken.run.pk)
        ours = [pk for pk in claimed if Run.system.get(pk=pk).tenant_id == tenant.pk]
        assert [job["run_id"] for job in listed] == ours[:20]
        assert ours[:3] == [urgent.pk, elsewhere.pk, first[0].pk]
        assert listed[2]["waiting_for"]["sentence"] == "Waiting for a free worker, 3rd in line"
        assert self.listed(house) == []

    def test_those_over_a_limit_come_last_and_say_so(self, house, tenant: Tenant):
        source = runs.document(NOTHING, global_config={"concurrency": {"max_runs": 1}})
        _, second = runs.queue(tenant, source), runs.queue(tenant, source)
        RunJob.objects.filter(pk=second.pk).update(priority=-1)
        free = runs.queue(tenant, FREE)
        RunJob.objects.filter(pk=free.pk).update(priority=-50)
        claim("w"), claim("w")
        later = runs.queue(tenant, FREE)
        listed = self.listed(house)
        assert [(job["run_id"], job["waiting_for"]["ref"]) for job in listed] == [
            (later.pk, "worker"),
            (second.pk, "procedure"),
        ]
