"""Visits that only compute go on while what came before is written: nothing is lost, doubled or written too late."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.db.models import F
from django.test import override_settings

from orchestration.models import Event, Run, Visit
from orchestration.runtime import engine
from orchestration.runtime.claims import claim
from orchestration.runtime.records import Batch
from orchestration.runtime.store import writer
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

DURABLE = django_settings.ENV.model_copy(update={"DURABLE_EVERY_STEP": True, "MAX_NODE_VISITS": 100_000})


def counting(until: int) -> dict[str, Any]:
    """One node that adds to a number and another that sends back to it while the number is small."""
    add = {"step_id": "add", "action": "calculate", "expression": "n + 1", "output_variable": "n"}
    back = {"condition": f"n < {until}", "next_node": "more"}
    return runs.document(
        {
            "more": {"type": "sequence", "steps": [add], "next_node": "again"},
            "again": {"type": "logic", "rules": [back], "default_next_node": "end"},
            "end": {"type": "terminate", "outputs": {"n": "n"}},
        },
        variables_schema={"n": {"type": "integer", "default": 0}},
    )


def counted(tenant: Tenant, until: int) -> Run:
    return runs.queue(tenant, counting(until), n=0)


@override_settings(ENV=DURABLE)
def test_every_visit_is_recorded_once_and_in_order(tenant: Tenant):
    run = runs.drive(counted(tenant, 30))
    assert (run.status, run.output_vars) == ("completed", {"n": 30})
    seqs = list(Event.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, run.last_seq + 1))
    assert list(Visit.objects.filter(run=run).order_by("pos").values_list("pos", flat=True)) == list(range(1, 62))


@override_settings(ENV=DURABLE)
def test_a_statement_that_the_connection_forgot_is_prepared_again(tenant: Tenant):
    assert runs.drive(counted(tenant, 3)).status == "completed"
    forget_what_is_prepared()
    assert runs.drive(counted(tenant, 3)).status == "completed"


@override_settings(ENV=DURABLE)
def test_what_was_prepared_after_the_connection_forgot_is_not_prepared_twice(tenant: Tenant):
    nap = {"type": "sequence", "steps": [{"step_id": "s", "action": "wait", "duration_ms": 60_000}]}
    sleeping = runs.document({"nap": nap})
    assert runs.drive(counted(tenant, 3)).status == "completed"
    forget_what_is_prepared()
    assert runs.drive(runs.queue(tenant, sleeping)).status == "paused"
    assert runs.drive(counted(tenant, 3)).status == "completed"
    assert runs.drive(runs.queue(tenant, sleeping)).status == "paused"


def forget_what_is_prepared() -> None:
    """Have psycopg deallocate every statement of the connection, as it does after a rollback."""
    with transaction.atomic():
        Tenant.objects.update(name=F("name"))
        transaction.set_rollback(True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@override_settings(ENV=DURABLE)
def test_a_worker_that_lost_its_run_while_it_computed_writes_nothing_more(tenant: Tenant):
    run = counted(tenant, 20_000)
    worker = threading.Thread(target=drive_once)
    worker.start()
    until_it_has_begun(run)
    Run.system.filter(pk=run.pk).update(fence=F("fence") + 1)
    visits = Visit.objects.filter(run=run).count()
    worker.join(30)
    assert not worker.is_alive()
    assert Visit.objects.filter(run=run).count() == visits
    assert runs.told(run.pk)[-1] == "worker_fenced"


@override_settings(ENV=DURABLE)
def test_a_cancel_is_seen_while_it_computes(tenant: Tenant):
    run = counted(tenant, 20_000)
    worker = threading.Thread(target=drive_once)
    worker.start()
    until_it_has_begun(run)
    Run.system.filter(pk=run.pk).update(cancel_requested=True)
    worker.join(30)
    assert not worker.is_alive()
    run.refresh_from_db()
    assert run.status == "canceled"


def test_a_thread_that_writes_for_a_drive_shares_its_connection(tenant: Tenant):
    run = counted(tenant, 3)
    claimed = claim("w1")
    assert claimed is not None
    raw, over = connection.connection, threading.Event()

    def write() -> None:
        while not over.is_set():
            writer()(raw, run.pk, claimed.lease.fence, Batch(closed=["x"]), calm=False)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            for _ in range(500):
                assert Run.system.filter(pk=run.pk).exists()
        finally:
            over.set()
    writing.result()


def drive_once() -> None:
    try:
        engine.drive_one("w1")
    finally:
        connection.close()


def until_it_has_begun(run: Run) -> None:
    deadline = time.monotonic() + 20
    while not Visit.objects.filter(run=run).exists():
        assert time.monotonic() < deadline, "the run did not begin"
        time.sleep(0.01)
