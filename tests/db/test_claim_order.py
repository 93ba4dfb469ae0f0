"""Who is claimed next, and at what cost (runtime 4.1)."""

import time
from typing import Any

import pytest
from django.db import connection

from orchestration import transitions
from orchestration.models import Run, RunJob
from orchestration.runtime.claims import Claim, claim, turns
from orchestration.runtime.store import claim_postgres, claim_sqlite
from tenants.models import Project, Tenant
from tests import runs

pytestmark = pytest.mark.django_db

NOTHING = {"a": {"type": "processing", "operations": [], "next_node": "end"}, "end": {"type": "terminate"}}
VALUES = {"owner": "w", "seconds": 10.0, "served": "", "margin": 256}
SOURCE = runs.document(NOTHING)


def put(run: Run, project: Project) -> Run:
    """The run as one of a project."""
    Run.system.filter(pk=run.pk).update(project=project)
    RunJob.objects.filter(pk=run.pk).update(place=project.pk)
    return run


def end(claimed: Claim) -> None:
    event = transitions.NewEvent("run_completed", {})
    running = frozenset({transitions.RunStatus.RUNNING})
    assert transitions.try_move(claimed.run.pk, transitions.Move(running, transitions.RunStatus.COMPLETED, [event]))


def order(number: int, *, keep: bool) -> list[Any]:
    """The runs of so many claims, each ended at once unless `keep`."""
    found = []
    for _ in range(number):
        claimed = claim("w")
        found.append(claimed.run.pk)
        if not keep:
            end(claimed)
    return found


def test_the_project_with_fewer_runs_at_work_comes_first_among_equals(house, tenant: Tenant):
    busy = [put(runs.queue(tenant, SOURCE), house.project) for _ in range(4)]
    quiet = [put(runs.queue(tenant, SOURCE), house.other_project) for _ in range(2)]
    none = runs.queue(tenant, SOURCE)
    RunJob.objects.filter(pk=busy[3].pk).update(priority=1)
    expected = [busy[3], quiet[0], none, busy[0], quiet[1], busy[1], busy[2]]
    assert order(7, keep=True) == [run.pk for run in expected]


def test_a_heavier_tenant_has_more_runs_at_work(house, tenant: Tenant):
    Tenant.objects.filter(pk=house.elsewhere.pk).update(weight=3)
    runs.queue_many(tenant, SOURCE, 10)
    runs.queue_many(house.elsewhere, SOURCE, 10)
    order(8, keep=True)
    at_work = RunJob.objects.filter(state="leased")
    assert (at_work.filter(tenant=tenant).count(), at_work.filter(tenant=house.elsewhere).count()) == (2, 6)


def test_the_tenant_served_longest_ago_comes_first_at_a_tie(house, tenant: Tenant):
    third = Tenant.objects.create(slug="third", name="Third")
    for each in (tenant, house.elsewhere, third):
        runs.queue_many(each, SOURCE, 3)
    for each in (third, tenant, house.elsewhere):
        turns.took(each.pk)
    tenants = [Run.system.get(pk=pk).tenant_id for pk in order(6, keep=False)]
    assert tenants == [third.pk, tenant.pk, house.elsewhere.pk] * 2


def test_a_job_whose_time_has_not_come_hides_nobody(tenant: Tenant):
    later, now = runs.queue(tenant, SOURCE), runs.queue(tenant, SOURCE)
    job = RunJob.objects.get(pk=later.pk)
    RunJob.objects.filter(pk=later.pk).update(priority=50, available_at=job.available_at.replace(year=2099))
    assert order(1, keep=True) == [now.pk]
    assert claim("w") is None


class TestALongLine:
    """One tenant has 10,000 ready runs, another comes with ten."""

    @pytest.fixture(autouse=True)
    def _line(self, house, tenant: Tenant):
        runs.queue_many(tenant, SOURCE, 10_000)
        self.few = {run.pk for run in runs.queue_many(house.elsewhere, SOURCE, 10)}
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def test_the_other_tenant_is_served_at_once_and_claims_stay_cheap(self):
        began = time.monotonic()
        found = order(20, keep=False)
        assert time.monotonic() - began < 2, "twenty claims and ends"
        assert self.few <= set(found)
        assert any(pk in self.few for pk in found[:2])

    def test_the_database_finds_heads_by_the_index_of_ready_jobs(self):
        plan = explained()
        assert "job_next" in plan
        assert "Seq Scan on orchestration_runjob" not in plan
        assert "SCAN orchestration_runjob\n" not in plan


def explained() -> str:
    """How the database finds the next run."""
    connection.ensure_connection()
    raw = connection.connection
    if connection.vendor == "sqlite":
        rows = raw.execute(f"EXPLAIN QUERY PLAN {claim_sqlite._BEST}", {"served": "", "margin": 256}).fetchall()
        return "\n".join(str(row[3]) for row in rows) + "\n"
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {claim_postgres._CLAIM}", VALUES)
        return "\n".join(row[0] for row in cursor.fetchall())
