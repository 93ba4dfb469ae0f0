"""Steps whose effect may have happened: after a killed worker, a cut call, a lost answer (runtime 8, 23)."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from agents.models import AgentLease
from orchestration import transitions
from orchestration.models import Event, Run, StepRecord
from orchestration.runtime import engine, heartbeat
from tenants.models import Tenant
from tests import agents, processes, runs
from tests.agents import SmallAgent
from tests.chaos.failpoints import Commits

pytestmark = pytest.mark.django_db(transaction=True)

IRREVERSIBLE = [{"name": "pay", "side_effect": "irreversible"}]
KEEPING = [{"name": "pay", "side_effect": "irreversible", "keeps_keys": True}]


def paying(**step: Any) -> dict[str, Any]:
    steps = [{"step_id": "s", "action": "pay", "output_variable": "paid", "amount": 5, **step}]
    nodes = {
        "n": {"type": "sequence", "agent": "bank", "steps": steps, "next_node": "end"},
        "end": {"type": "terminate", "outputs": {"paid": "paid"}},
    }
    return runs.document(nodes)


def slow(seconds: float) -> Callable[[dict[str, Any]], str]:
    """An action that takes its time."""

    def act(params: dict[str, Any]) -> str:
        time.sleep(seconds)
        return "late"

    return act


def events(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def killed_at_each_commit(tenant: Tenant, commits: Commits, bank: SmallAgent) -> list[tuple[Run, int]]:
    """One run per point at which its worker may die, driven to its end by another; and how often it was sent.

    The points: before and after the step is recorded as started, and before and after its result is.
    """
    ended = []
    while True:
        commits.count = 0
        run = runs.queue(tenant, paying())
        before = len(bank.calls)
        died = commits.drive(len(ended) + 1)
        ended.append((runs.drive(run), len(bank.calls) - before))
        if not died:
            return ended[:-1]


def test_wherever_its_worker_dies_a_step_is_sent_under_one_key(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    commits = Commits(monkeypatch)
    with agents.agent(tenant, "bank", pay=lambda params: "done", keeps_keys=True) as bank:
        ended = killed_at_each_commit(tenant, commits, bank)
    assert {sent for _, sent in ended} == {1, 2}
    for run, _ in ended:
        assert (run.status, run.output_vars) == ("completed", {"paid": "done"}), run.error
        doubts = events(run, "step_in_doubt")
        record = StepRecord.objects.get(run=run)
        assert bank.effects.count(record.key) == 1
        assert len(doubts) == record.attempt - 1
    assert {StepRecord.objects.get(run=run).attempt for run, _ in ended} == {1, 2}
    assert not AgentLease.system.filter(released_at=None).exists()


def test_what_must_not_happen_twice_is_not_sent_again(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    commits = Commits(monkeypatch)
    with agents.agent(tenant, "bank", pay=lambda params: "done", capabilities=IRREVERSIBLE) as bank:
        ended = killed_at_each_commit(tenant, commits, bank)
        for run, _ in ended:
            key = f"{run.pk}:n:s"
            assert bank.effects.count(key) <= 1
            if run.status == "failed":
                assert run.error_class == "effect_unknown"
        unknown = next(run for run, _ in ended if run.status == "failed")
        before = len(bank.calls)
        transitions.reopen_failed(unknown.pk, "somebody who looked")
        assert runs.drive(unknown).status == "completed"
    assert len(bank.calls) == before + 1
    assert bank.calls[-1]["attempt"] == 2
    assert {run.status for run, _ in ended} == {"completed", "failed"}


def test_who_keeps_keys_is_asked_again(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    commits = Commits(monkeypatch)
    with (
        agents.agent(tenant, "bank", "one", pay=lambda params: 1, capabilities=KEEPING, keeps_keys=True) as one,
        agents.agent(tenant, "bank", "two", pay=lambda params: 1, capabilities=KEEPING, affinity="none") as two,
    ):
        ended = killed_at_each_commit(tenant, commits, one)
    assert {run.status for run, _ in ended} == {"completed"}
    for run, _ in ended:
        asked = [bank for bank in (one, two) if any(call["run_id"] == str(run.pk) for call in bank.calls)]
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("capabilities", "error_class", "sent"), [(IRREVERSIBLE, "effect_unknown", 1), (KEEPING, "timeout", 2)]
)
def test_a_lost_answer_is_asked_for_where_that_is_safe(
    tenant: Tenant, capabilities: list[Any], error_class: str, sent: int
):
    retry = {"retry_config": {"max_retries": 1, "base_delay_ms": 1}, "timeout_ms": 1500}
    with agents.agent(tenant, "bank", pay=slow(4), capabilities=capabilities) as bank:
        run = runs.drive(runs.queue(tenant, paying(**retry)))
        assert (run.status, run.error_class) == ("failed", error_class)
    assert len(bank.calls) == sent
    assert [told["timeout_ms"] for told in events(run, "step_timeout")] == [1500] * sent


def test_cancel_cuts_a_call_at_once(tenant: Tenant):
    with agents.agent(tenant, "bank", pay=slow(8)) as bank:
        run = runs.queue(tenant, paying())
        worker = agents.at_work(run)
        assert bank.arrived.wait(5)
        transitions.request_cancel(run.pk, "tester", "enough")
        began = time.monotonic()
        heartbeat.renew(run.pk, heartbeat.keeper.leases()[run.pk])
        worker.join(timeout=5)
        assert time.monotonic() - began < 5
        processes.until(lambda: bank.canceled, 2, "the agent is told to cancel")
    run.refresh_from_db()
    assert (run.status, StepRecord.objects.get(run=run).state) == ("canceled", "started")
    assert bank.canceled[0]["step_id"] == "s"
    assert AgentLease.system.get().released_at is not None


def test_a_retried_run_that_was_cut_is_sent_again_as_the_next_attempt(tenant: Tenant):
    with agents.agent(tenant, "bank", pay=lambda params: time.sleep(params["amount"] / 10)) as bank:
        run = runs.queue(tenant, paying())
        worker = agents.at_work(run)
        assert bank.arrived.wait(5)
        transitions.request_cancel(run.pk, "tester")
        heartbeat.renew(run.pk, heartbeat.keeper.leases()[run.pk])
        worker.join(timeout=5)
        transitions.reopen_failed(run.pk, "tester")
        assert runs.drive(run).status == "completed"
    assert [call["attempt"] for call in bank.calls] == [1, 2]
    assert len({call["idempotency_key"] for call in bank.calls}) == 1
    assert events(run, "step_in_doubt")[0]["agent_id"] == "bank_bank"


def test_a_branch_that_is_not_needed_any_more_is_cut(tenant: Tenant):
    branches = [{"branch_id": "slow", "start_node": "slow"}, {"branch_id": "quick", "start_node": "quick"}]
    call = {"type": "sequence", "agent": "bank", "steps": [{"step_id": "s", "action": "pay"}], "next_node": "end"}
    nodes = {
        "fork": {"type": "parallel", "branches": branches, "wait_strategy": "first", "next_node": "end"},
        "slow": call,
        "quick": {
            "type": "sequence",
            "steps": [{"step_id": "w", "action": "wait", "duration_ms": 300}],
            "next_node": "end",
        },
        "end": {"type": "terminate"},
    }
    with agents.agent(tenant, "bank", pay=slow(8)) as bank:
        began = time.monotonic()
        run = runs.drive(runs.queue(tenant, runs.document(nodes)))
        assert time.monotonic() - began < 6
        processes.until(lambda: bank.canceled, 2, "the agent is told to cancel")
    assert run.status == "completed"
    assert AgentLease.system.get().released_at is not None


def test_a_worker_that_lost_its_run_writes_nothing(tenant: Tenant):
    with agents.agent(tenant, "bank", pay=slow(0.6)) as bank:
        run = runs.queue(tenant, paying())
        worker = agents.at_work(run)
        assert bank.arrived.wait(5)
        Run.system.filter(pk=run.pk).update(fence=99)
        worker.join(timeout=5)
    assert StepRecord.objects.get(run=run).state == "started"
    assert "worker_fenced" in runs.told(run.pk)
    assert not engine.keeper.leases()
