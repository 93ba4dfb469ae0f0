"""Promises of the failure contract that no other test proves: clocks that jump, versions that change, snapshots."""

from datetime import timedelta

import pytest

from langorch.lib import clock
from orchestration import queue, services, waits
from orchestration.models import Run, RunJob, Snapshot, Wait
from orchestration.runtime.claims import claim
from procedures import services as procedures
from procedures.models import ProcedureVersion
from tenants.models import Tenant
from tests import people, runs
from tests.people import House
from tests.published import publish, purchase

pytestmark = pytest.mark.django_db(transaction=True)

SLEEPS = runs.document(
    {"nap": {"type": "sequence", "steps": [{"step_id": "s", "action": "wait", "duration_ms": 3_600_000}]}}
)


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
def test_the_clock_of_a_host_decides_nothing(tenant: Tenant, jump: timedelta):
    parked = runs.drive(runs.queue(tenant, SLEEPS))
    runs.queue(tenant, SLEEPS)
    claimed = claim("w1")
    with clock.use(clock.FixedClock(clock.now() + jump)):
        assert queue.sweep() == 0
        assert waits.fire_due() == 0
        claimed.lease.look()
    assert RunJob.objects.get(pk=claimed.run.pk).state == "leased"
    assert Wait.objects.get(run=parked).state == "open"


def test_when_the_clock_of_the_database_jumps_leases_are_taken_over_and_nothing_doubles(tenant: Tenant):
    runs.queue(tenant, SLEEPS)
    late = claim("late")
    RunJob.objects.filter(pk=late.run.pk).update(lease_until=clock.now() - timedelta(hours=1))
    assert queue.sweep() == 1
    run = runs.drive(Run.system.get(pk=late.run.pk))
    Wait.objects.filter(run=run).update(until=clock.now() - timedelta(hours=1))
    assert (waits.fire_due(), waits.fire_due()) == (1, 0)
    assert runs.drive(run).status == "completed"
    assert run.fence > late.lease.fence
    assert runs.told(run.pk).count("run_completed") == 1


def test_a_run_keeps_its_document_whatever_becomes_of_its_version(house: House):
    first = publish(house.operator, purchase())
    wanted = services.StartRequest(procedure_id="purchase", input_vars={"item": "lamp", "amount": 5})
    run = services.start_run(people.actor(house.operator), wanted).run
    assert runs.drive(run).status == "waiting_approval"
    second = purchase("2.0.0")
    nodes = {"end": {"type": "terminate", "outputs": {"bought": "nothing"}}}
    second["workflow_graph"] = {"start_node": "end", "nodes": nodes}
    publish(house.operator, second)
    for status in ("deprecated", "archived"):
        procedures.change_status(people.actor(house.operator), ProcedureVersion.system.get(pk=first.pk), status)
    runs.answer(run, "ask", {"decision": "approved"})
    assert runs.drive(run).output_vars == {"bought": "lamp"}
    later = services.start_run(people.actor(house.operator), wanted).run
    assert runs.drive(later).output_vars == {"bought": "nothing"}


def test_a_run_goes_on_from_its_records_whatever_its_snapshots_say(tenant: Tenant):
    nodes = {
        "set": {
            "type": "sequence",
            "steps": [{"step_id": "s", "action": "set_variable", "variable": "x", "value": 1}],
            "is_checkpoint": True,
            "next_node": "ask",
        },
        "ask": {"type": "human_approval", "prompt": "Go on?", "on_approve": "end"},
        "end": {"type": "terminate", "outputs": {"x": "x"}},
    }
    run = runs.drive(runs.queue(tenant, runs.document(nodes)))
    assert Snapshot.objects.filter(run=run).update(variables="not a state at all")
    runs.answer(run, "ask", {"decision": "approved"})
    assert runs.drive(run).output_vars == {"x": 1}
