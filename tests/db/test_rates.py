"""Calls a minute of a procedure, over all workers (runtime 13)."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from agents import rates
from agents.models import RateBucket
from langorch.lib import clock
from orchestration.models import Event, Run, Wait
from orchestration.waiting import waiting_for_one
from tenants.models import Tenant
from tests import agents, runs
from tests.asking import driven, served

pytestmark = pytest.mark.django_db(transaction=True)


def calling(a_minute: int, steps: int = 1, **step: Any) -> dict[str, Any]:
    made = [{"step_id": f"s{place}", "action": "post", **step} for place in range(steps)]
    nodes = {
        "n": {"type": "sequence", "agent": "erp", "steps": made, "next_node": "end"},
        "end": {"type": "terminate"},
    }
    return runs.document(nodes, global_config={"rate_limiting": {"max_requests_per_minute": a_minute}})


def let_time_pass(seconds: float) -> None:
    for bucket in RateBucket.system.all():
        RateBucket.system.filter(pk=bucket.pk).update(refilled_at=bucket.refilled_at - timedelta(seconds=seconds))


def about(*seconds: float) -> Any:
    """These numbers of seconds, on a slow machine."""
    return pytest.approx(list(seconds), abs=8)


def test_a_bucket_holds_a_minute_and_refills_evenly(tenant: Tenant):
    assert [rates.take(tenant.pk, "p", 2) for _ in range(4)] == about(0, 0, 30, 60)
    let_time_pass(90)
    assert [rates.take(tenant.pk, "p", 2)] == about(0)
    let_time_pass(3600)
    assert [rates.take(tenant.pk, "p", 2) for _ in range(3)] == about(0, 0, 30)
    assert rates.take(tenant.pk, "q", 2) == 0


def test_workers_at_once_take_each_token_once(tenant: Tenant):
    waits: list[float] = []

    def take() -> None:
        try:
            waits.extend(rates.take(tenant.pk, "p", 6) for _ in range(3))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [round(seconds / 10) for seconds in sorted(waits)] == [0] * 6 + [1, 2, 3, 4, 5, 6]


def test_a_step_without_a_token_waits_parked_and_then_goes_on(tenant: Tenant):
    with agents.agent(tenant, "erp", post=lambda params: "done") as erp:
        run = runs.drive(runs.queue(tenant, calling(2, steps=3)))
        assert (run.status, len(erp.calls)) == ("paused", 2)
        wait = Wait.objects.get(run=run)
        assert (wait.kind, wait.ref) == ("capacity", "rate:p")
        assert waiting_for_one(run).entry["sentence"].startswith("Waiting for the rate limit of p")
        facts = run.visits.get(path="n")
        facts.data["tokens"]["n/s2"][1] = clock.now().isoformat()
        facts.save()
        runs.fire(wait)
        run = runs.drive(run)
    assert (run.status, len(erp.calls)) == ("completed", 3), run.error
    told = Event.objects.get(run=run, event_type="rate_limited").payload
    assert told["bucket"] == "p"
    assert 20_000 < told["wait_ms"] <= 30_000


def test_a_moment_is_waited_for_in_the_worker(tenant: Tenant):
    rates.take(tenant.pk, "p", 60)
    RateBucket.system.update(tokens=0.5, refilled_at=clock.now() + timedelta(minutes=1))
    with agents.agent(tenant, "erp", post=lambda params: "done"):
        run = runs.drive(runs.queue(tenant, calling(60)))
    assert run.status == "completed", run.error
    assert not Wait.objects.filter(run=run).exists()
    assert Event.objects.filter(run=run, event_type="rate_limited").count() == 1


def test_who_would_wait_too_long_fails_and_takes_nothing(tenant: Tenant):
    rates.take(tenant.pk, "p", 2)
    RateBucket.system.update(tokens=0)
    with agents.agent(tenant, "erp", post=lambda params: "done") as erp:
        run: Run = runs.drive(runs.queue(tenant, calling(2, timeout_ms=5_000)))
    assert (run.status, run.error_class, erp.calls) == ("failed", "rate_limited", [])
    assert RateBucket.system.get().tokens == pytest.approx(0, abs=0.9)


def test_a_call_of_a_model_takes_a_token_too(tenant: Tenant):
    root = {"global_config": {"rate_limiting": {"max_requests_per_minute": 1}}}
    with served("hi") as model:
        assert driven(tenant, {}, root).status == "completed"
        second = driven(tenant, {}, root)
        assert (second.status, len(model.questions)) == ("paused", 1)
        assert Wait.objects.get(run=second, state="open").ref.startswith("rate:")
        facts = second.visits.get(path="ask")
        facts.data["tokens"]["ask/llm_call_1"][1] = clock.now().isoformat()
        facts.save()
        runs.fire(Wait.objects.get(run=second, state="open"))
        assert runs.drive(second).status == "completed"
        assert len(model.questions) == 2
