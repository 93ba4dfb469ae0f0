"""Limits at every claim: of tenants, projects and documents; no slot leaks (runtime 3)."""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from langorch.lib import clock
from langorch.lib.errors import Conflict
from orchestration import gate, queue, transitions
from orchestration.models import Event, Run, RunJob
from orchestration.runtime import engine
from orchestration.runtime.claims import Claim, claim
from orchestration.services import StartRequest, start_run
from tenants.models import Tenant
from tests import people, runs
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = {"a": {"type": "processing", "operations": [], "next_node": "end"}, "end": {"type": "terminate"}}
ASKING = {
    "ask": {"type": "human_approval", "prompt": "?", "on_approve": "rest"},
    "rest": {"type": "sequence", "steps": [{"step_id": "w", "action": "wait", "duration_ms": 60_000}]},
}
FREE = runs.document(NOTHING) | {"procedure_id": "free"}


def limited(most: int, nodes: dict[str, Any] = NOTHING, **concurrency: Any) -> dict[str, Any]:
    return runs.document(nodes, global_config={"concurrency": {"max_runs": most, **concurrency}})


def end(claimed: Claim) -> None:
    event = transitions.NewEvent("run_completed", {})
    running = frozenset({transitions.RunStatus.RUNNING})
    assert transitions.try_move(claimed.run.pk, transitions.Move(running, transitions.RunStatus.COMPLETED, [event]))


def claimed_ids(number: int) -> list[Any]:
    found = [claim("w") for _ in range(number)]
    return [one.run.pk if one else None for one in found]


def delays(run: Run) -> list[Any]:
    """What the events of a run say of limits that delayed it."""
    return list(Event.objects.filter(run=run, event_type="admission_delayed").values_list("payload", flat=True))


class TestOfTenantsAndProjects:
    def test_a_full_tenant_waits_and_another_goes_on(self, house, tenant: Tenant):
        Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=1)
        first, second = runs.queue(tenant, FREE), runs.queue(tenant, FREE)
        other = runs.queue(house.elsewhere, FREE)
        began = claim("w")
        assert claimed_ids(2) == [other.pk, None]
        gate.sweep()
        gate.sweep()
        assert delays(second) == [{"limit": "max_running_runs", "scope": "tenant", "in_use": 1, "max": 1}]
        end(began)
        assert began.run.pk == first.pk
        assert claimed_ids(2) == [second.pk, None]

    def test_a_full_project_waits_and_another_goes_on(self, house, tenant: Tenant):
        type(house.project).system.filter(pk=house.project.pk).update(settings={"quotas": {"max_running_runs": 1}})
        first, second, other = (runs.queue(tenant, FREE) for _ in range(3))
        for run in (first, second):
            Run.system.filter(pk=run.pk).update(project=house.project)
            RunJob.objects.filter(pk=run.pk).update(place=house.project.pk)
        RunJob.objects.filter(pk=second.pk).update(priority=50)
        assert claimed_ids(3) == [second.pk, other.pk, None]
        gate.sweep()
        assert [told["scope"] for told in delays(first)] == ["project"]
        assert not delays(other)


class TestOfDocuments:
    def test_those_over_the_limit_are_passed_over_and_told_once(self, tenant: Tenant):
        first, second, third = (runs.queue(tenant, limited(2)) for _ in range(3))
        free = runs.queue(tenant, FREE)
        began = claim("w")
        assert claimed_ids(3) == [second.pk, free.pk, None]
        assert began.run.pk == first.pk
        gate.sweep()
        assert delays(third) == [{"limit": "concurrency", "scope": "procedure", "in_use": 2, "max": 2}]
        assert not delays(second)
        end(began)
        assert claimed_ids(2) == [third.pk, None]

    def test_whoever_ends_lets_the_next_one_in_without_a_sweep(self, tenant: Tenant):
        waiting = [runs.queue(tenant, limited(1)) for _ in range(4)]
        assert engine.drive_ready("w") == 4
        assert {Run.system.get(pk=run.pk).status for run in waiting} == {"completed"}

    def test_each_value_of_the_key_has_its_own_limit(self, house, tenant: Tenant):
        concurrency = {"max_runs": 1, "key": "{{ who }}"}
        publish(house.operator, hello(global_config={"concurrency": concurrency}))
        actor = people.actor(house.operator)

        def start(who: str) -> Run:
            return start_run(actor, StartRequest(procedure_id="hello", input_vars={"who": who})).run

        ada, ada_again, bob = start("Ada"), start("Ada"), start("Bob")
        assert claimed_ids(3) == [ada.pk, bob.pk, None]
        assert len(delays(ada_again)) == 1

    @pytest.mark.parametrize("counts", [False, True])
    def test_a_run_that_waits_for_a_person_occupies_nothing_unless_counted(self, tenant: Tenant, counts: bool):
        source = limited(1, ASKING, count_waiting=counts)
        first = runs.drive(runs.queue(tenant, source))
        assert first.status == "waiting_approval"
        second = runs.drive(runs.queue(tenant, source))
        assert second.status == ("created" if counts else "waiting_approval")
        assert len(delays(second)) == counts
        transitions.request_cancel(first.pk, "tester")
        assert runs.drive(second).status == "waiting_approval"

    def test_runs_that_come_back_from_people_take_turns(self, tenant: Tenant):
        source = limited(1, ASKING)
        both = [runs.drive(runs.queue(tenant, source)) for _ in range(2)]
        fresh = runs.queue(tenant, source)
        RunJob.objects.filter(pk=fresh.pk).update(priority=100)
        for run in both:
            assert runs.answer(run, "ask", {"decision": "approved"})
        first = runs.drive(both[0])
        assert [run.status for run in (first, Run.system.get(pk=both[1].pk))] == ["paused", "created"]
        transitions.request_cancel(first.pk, "tester")
        assert runs.drive(both[1]).status == "paused"
        transitions.request_cancel(both[1].pk, "tester")
        assert runs.drive(fresh).status == "waiting_approval"

    def test_a_place_that_was_freed_unseen_is_found_by_the_sweep(self, tenant: Tenant):
        first, second = (runs.queue(tenant, limited(1)) for _ in range(2))
        assert claimed_ids(2) == [first.pk, None]
        now = clock.now()
        Run.system.filter(pk=first.pk).update(status="completed", ended_at=now)
        RunJob.objects.filter(pk=first.pk).update(state="done", lease_owner="", lease_until=None)
        assert claim("w") is None
        assert gate.sweep() == 1
        assert claimed_ids(1) == [second.pk]

    def test_a_thousand_over_the_limit_hold_up_nobody(self, house, tenant: Tenant):
        alone = self.seconds_to_claim(runs.queue(tenant, FREE))
        runs.queue_many(tenant, limited(1), 2_000)
        free = runs.queue(tenant, FREE)
        assert claimed_ids(3)[1:] == [free.pk, None]
        assert self.seconds_to_claim(runs.queue(tenant, FREE)) < 10 * max(alone, 0.05)

    @staticmethod
    def seconds_to_claim(run: Run) -> float:
        """How long it takes to claim a run, and to see that there is no other."""
        began = time.monotonic()
        assert claimed_ids(2) == [run.pk, None]
        return time.monotonic() - began


def at_once(number: int, do: Callable[[], None]) -> None:
    """Do something in so many threads at the same moment."""
    gate_ = threading.Barrier(number)

    def one() -> None:
        try:
            gate_.wait()
            do()
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def cancel(run_id: UUID) -> None:
    """Cancel a run unless it has ended already."""
    with contextlib.suppress(Conflict):
        transitions.request_cancel(run_id, "tester")


class TestManyAtOnce:
    @pytest.mark.parametrize("scope", ["tenant", "project", "procedure"])
    def test_no_limit_is_passed(self, house, tenant: Tenant, scope: str):
        source = limited(2) if scope == "procedure" else FREE
        waiting = runs.queue_many(tenant, source, 12)
        if scope == "tenant":
            Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=2)
        if scope == "project":
            quotas = {"quotas": {"max_running_runs": 2}}
            type(house.project).system.filter(pk=house.project.pk).update(settings=quotas)
            Run.system.filter(pk__in=[run.pk for run in waiting]).update(project=house.project)
            RunJob.objects.update(place=house.project.pk)
        found: list[Claim | None] = []
        at_once(8, lambda: found.append(claim("w")))
        assert sum(one is not None for one in found) == 2
        assert RunJob.objects.filter(state="leased").count() == 2

    def test_no_slot_leaks_when_runs_are_canceled_and_workers_die(self, tenant: Tenant):
        """R11 in small: limit 3, 60 runs, half of them canceled, two workers lost."""
        nodes = {
            "a": {"type": "sequence", "steps": [{"step_id": "w", "action": "wait", "duration_ms": 20}]},
        }
        waiting = runs.queue_many(tenant, limited(3, nodes), 60)
        dead = [claim("dead") for _ in range(2)]
        RunJob.objects.filter(lease_owner="dead").update(lease_until=clock.now() - timedelta(seconds=1))
        most: list[int] = []
        todo = iter([run.pk for run in waiting if run.pk not in {one.run.pk for one in dead}][::2])
        lock = threading.Lock()

        def work() -> None:
            deadline = time.monotonic() + 50
            while Run.system.filter(ended_at__isnull=True).exists() and time.monotonic() < deadline:
                with lock:
                    victim = next(todo, None)
                if victim:
                    cancel(victim)
                most.append(RunJob.objects.filter(state="leased").count())
                engine.drive_one("w") or queue.urgent()

        at_once(3, work)
        assert max(most) <= 3
        assert not Run.system.filter(ended_at__isnull=True).exists()
        assert set(Run.system.values_list("status", flat=True)) == {"completed", "canceled"}
        three = [runs.queue(tenant, limited(3, nodes)) for _ in range(4)]
        assert claimed_ids(4) == [*(run.pk for run in three[:3]), None]
