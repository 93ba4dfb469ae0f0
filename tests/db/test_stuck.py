"""Runs that do not get on are told of once, and their page names the cause on its first screen (runtime 4.5, U4)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from agents.models import Agent
from langorch.lib import clock, ids
from orchestration import holds, stuck
from orchestration.models import Event, Run, RunJob, StepRecord, Wait
from orchestration.runtime.claims import claim
from tenants.models import Project, Tenant
from tests import runs

pytestmark = pytest.mark.django_db

NOTHING = {"a": {"type": "processing", "operations": [], "next_node": "end"}, "end": {"type": "terminate"}}
FREE = runs.document(NOTHING) | {"procedure_id": "free"}
ASKED = {"type": "human_approval", "prompt": "?", "approvers": {"roles": ["approver"]}, "on_approve": "end"}
ASKING = runs.document({"ask": ASKED, "end": {"type": "terminate"}}) | {"procedure_id": "asking"}
LONG_AGO = timedelta(hours=2)


def age(run: Run, by: timedelta = LONG_AGO) -> Run:
    """The run as if everything of it had happened earlier."""
    then = clock.now() - by
    Run.system.filter(pk=run.pk).update(created_at=then, updated_at=then)
    RunJob.objects.filter(pk=run.pk).update(ready_since=then, available_at=then)
    Event.objects.filter(run=run).update(created_at=then)
    return Run.system.get(pk=run.pk)


def parked(tenant: Tenant, kind: str = "", ref: str = "r", *, overdue: bool = False, path: str = "a") -> Run:
    """A run that is parked since long ago, and waits for something."""
    run = runs.queue(tenant, FREE)
    Run.system.filter(pk=run.pk).update(status="paused", started_at=clock.now())
    RunJob.objects.filter(pk=run.pk).update(state="parked")
    if kind:
        until = clock.now() - LONG_AGO if overdue else None
        Wait.objects.create(run=run, path=path, kind=kind, ref=ref, since=clock.now() - LONG_AGO, until=until)
    return age(run)


def at_work(tenant: Tenant) -> Run:
    run = runs.queue(tenant, FREE)
    assert claim("w1").run.pk == run.pk
    return age(run)


def told(run: Run) -> list[Any]:
    return list(Event.objects.filter(run=run, event_type="run_stuck").values_list("payload", flat=True))


class TestTheCheck:
    def test_each_episode_is_told_once(self, tenant: Tenant):
        run = at_work(tenant)
        assert stuck.check() == 1
        assert stuck.check() == 0
        assert told(run)[0]["cause"].startswith("Worker w1 has recorded nothing since")
        stuck.events.append(run.pk, [stuck.NewEvent("log", {"level": "INFO", "message": "on"})])
        assert stuck.check() == 0, "it got on"
        Event.objects.filter(run=run, event_type="run_stuck").update(created_at=clock.now() - timedelta(hours=1))
        Event.objects.filter(run=run, event_type="log").update(created_at=clock.now() - timedelta(minutes=40))
        assert stuck.check() == 1, "and stands still again"

    def test_the_first_in_line_is_told_that_nobody_works(self, tenant: Tenant):
        first, second = age(runs.queue(tenant, FREE)), age(runs.queue(tenant, FREE))
        assert stuck.check() == 1
        assert "no worker is running" in told(first)[0]["cause"]
        assert not told(second)

    def test_parked_runs(self, tenant: Tenant):
        nothing, late = parked(tenant), parked(tenant, "callback", overdue=True)
        fine = [parked(tenant, "approval"), parked(tenant, "timer")]
        held = parked(tenant, "timer", overdue=True)
        Wait.objects.create(run=held, path="", kind="operator", ref="h", since=clock.now())
        assert stuck.check() == 2
        assert "waits for nothing" in told(nothing)[0]["cause"]
        assert "The answer of the agent at a was due" in told(late)[0]["cause"]
        assert not any(told(run) for run in [*fine, held])

    def test_what_began_lately_is_not_stuck(self, tenant: Tenant):
        runs.queue(tenant, FREE)
        assert stuck.check() == 0


def _full_tenant(tenant: Tenant, project: Project) -> Run:
    Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=0)
    return age(runs.queue(tenant, FREE))


def _full_project(tenant: Tenant, project: Project) -> Run:
    Project.system.filter(pk=project.pk).update(settings={"quotas": {"max_running_runs": 0}})
    run = age(runs.queue(tenant, FREE))
    Run.system.filter(pk=run.pk).update(project=project)
    RunJob.objects.filter(pk=run.pk).update(place=project.pk)
    return run


def _full_procedure(tenant: Tenant, project: Project) -> Run:
    source = runs.document(NOTHING, global_config={"concurrency": {"max_runs": 1}})
    first, second = runs.queue(tenant, source), runs.queue(tenant, source)
    assert claim("w1").run.pk == first.pk
    assert claim("w1") is None
    return age(second)


def _asking(tenant: Tenant, project: Project) -> Run:
    return runs.drive(runs.queue(tenant, ASKING))


def _held(tenant: Tenant, project: Project) -> Run:
    run = _asking(tenant, project)
    with transaction.atomic():
        holds.place(run.pk, "Ana", "month end")
    return run


def _lease_out(tenant: Tenant, project: Project) -> Run:
    run = at_work(tenant)
    RunJob.objects.filter(pk=run.pk).update(lease_until=clock.now() - LONG_AGO)
    return run


def _canceling(tenant: Tenant, project: Project) -> Run:
    run = at_work(tenant)
    Run.system.filter(pk=run.pk).update(cancel_requested=True)
    return run


def _in_a_step(tenant: Tenant, project: Project) -> Run:
    run = at_work(tenant)
    then = clock.now() - LONG_AGO
    StepRecord.objects.create(
        run=run, path="a", step_id="s1", node_id="a", action="read_page", state="started", started_at=then
    )
    return run


def _busy_pool(tenant: Tenant, project: Project) -> Run:
    Agent.system.create(id=ids.uuid7(), tenant=tenant, agent_id="web-1", name="Web", channel="web", pool_id="main")
    return parked(tenant, "capacity", "pool:web/main")


def _sick_pool(tenant: Tenant, project: Project) -> Run:
    run = _busy_pool(tenant, project)
    Agent.system.update(status="offline")
    return run


def _lost(tenant: Tenant, project: Project) -> Run:
    run = runs.queue(tenant, FREE)
    RunJob.objects.filter(pk=run.pk).update(losses=2, available_at=clock.now() + timedelta(seconds=60))
    return run


CAUSES: dict[str, tuple[Callable[[Tenant, Project], Run], str]] = {
    "no worker": (lambda tenant, project: age(runs.queue(tenant, FREE)), "no worker is running"),
    "tenant": (_full_tenant, "the tenant has 0 of 0 runs at work"),
    "project": (_full_project, "the project has 0 of 0 runs at work"),
    "procedure": (_full_procedure, "the procedure has 1 of 1 run under way"),
    "worker lost": (_lost, "waiting to be taken up again"),
    "silent worker": (lambda tenant, project: at_work(tenant), "Worker w1 has recorded nothing since"),
    "lease": (_lease_out, "nobody took the run over"),
    "cancel": (_canceling, "worker w1 does not stop"),
    "step": (_in_a_step, "read_page at A, step s1, was begun"),
    "approval": (_asking, "for a decision by an approver"),
    "hold": (_held, "On hold by Ana: month end"),
    "pool": (_busy_pool, "a free agent in pool main (0 of 1 busy)"),
    "sick pool": (_sick_pool, "none can be used now (1 offline)"),
    "no agent": (
        lambda tenant, project: parked(tenant, "capacity", "agent:erp/post"),
        "an agent that offers post: nobody on erp does",
    ),
    "rate": (lambda tenant, project: parked(tenant, "capacity", "rate:free"), "for the rate limit of free"),
    "key": (lambda tenant, project: parked(tenant, "capacity", "key:k7"), "with the idempotency key k7"),
    "budget": (lambda tenant, project: parked(tenant, "budget", "month"), "the budget month is used up"),
    "callback": (lambda tenant, project: parked(tenant, "callback", overdue=True), "The answer of the agent at"),
    "timer": (lambda tenant, project: parked(tenant, "timer", overdue=True), "was due at"),
    "nothing": (lambda tenant, project: parked(tenant), "waits for nothing that could wake it"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_first_screen_names_the_cause(house, browser, name: str):
    """U4: the head and what follows it, before the path and the events."""
    make, words = CAUSES[name]
    run = make(house.tenant, house.project)
    page = browser(house.operator).get(f"/runs/{run.pk}").content.decode()
    first_screen = page[: page.index('id="graph"')]
    assert words in first_screen
