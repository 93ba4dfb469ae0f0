"""A worker dies around each commit of a run that has agents do things: each effect once, and doubts are told (R7)."""

from collections import Counter
from typing import Any

import pytest

from agents.models import AgentLease
from orchestration.models import Event, Run, StepRecord
from tenants.models import Tenant
from tests import agents, runs
from tests.agents import SmallAgent
from tests.chaos.failpoints import Commits

pytestmark = pytest.mark.django_db(transaction=True)


def doing(action: str, next_node: str, **step: Any) -> dict[str, Any]:
    """A node of one step at an agent."""
    steps = [{"step_id": "s", "action": action, "output_variable": action, **step}]
    return {"type": "sequence", "agent": "web", "steps": steps, "next_node": next_node}


DOCUMENT = runs.document(
    {
        "first": doing("note", "each", text="begin"),
        "each": {
            "type": "loop",
            "iterator": "[1, 2]",
            "iterator_variable": "n",
            "body_node": "fork",
            "collect_variable": "sums",
            "collect": "left + right",
            "next_node": "end",
        },
        "fork": {
            "type": "parallel",
            "branches": [{"branch_id": "l", "start_node": "left"}, {"branch_id": "r", "start_node": "right"}],
            "next_node": "each",
        },
        "left": doing("left", "each", n="{{ n }}"),
        "right": doing("right", "each", n="{{ n }}"),
        "end": {"type": "terminate", "outputs": {"sums": "sums"}},
    }
)
ACTIONS = {"note": lambda params: None, "left": lambda params: params["n"], "right": lambda params: params["n"] * 10}
EFFECTS = 5


def disturbed(tenant: Tenant, commits: Commits, fatal: int, document: dict[str, Any]) -> tuple[Run, bool]:
    """Drive a run to its end while its worker dies at one point; and whether it did."""
    commits.count = 0
    run = runs.queue(tenant, document)
    died = commits.drive(fatal)
    if died:
        commits.drive()
    run.refresh_from_db()
    return run, died


def sent(agent: SmallAgent, run: Run) -> Counter[str]:
    """How often each key of a run was sent."""
    return Counter(call["idempotency_key"] for call in agent.calls if call["run_id"] == str(run.pk))


def in_doubt(run: Run) -> list[str]:
    """The keys that were told to be in doubt."""
    told = Event.objects.filter(run=run, event_type="step_in_doubt")
    return list(told.values_list("payload__idempotency_key", flat=True))


def test_every_effect_happens_once_at_an_agent_that_keeps_keys(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    commits = Commits(monkeypatch)
    fatal, died, doubts = 1, True, 0
    with agents.agent(tenant, keeps_keys=True, concurrency_limit=5, **ACTIONS) as web:
        while died:
            web.calls.clear()
            run, died = disturbed(tenant, commits, fatal, DOCUMENT)
            assert (run.status, run.output_vars) == ("completed", {"sums": [11, 22]}), f"died at {fatal}: {run.error}"
            keys = sent(web, run)
            assert len(keys) == EFFECTS
            assert {key for key, times in keys.items() if times > 1} <= set(in_doubt(run)), f"died at {fatal}"
            assert not StepRecord.objects.filter(run=run).exclude(state="completed").exists()
            doubts += len(in_doubt(run))
            fatal += 1
        assert Counter(web.effects).most_common(1)[0][1] == 1
    assert doubts >= EFFECTS
    assert fatal > 2 * EFFECTS
    assert not AgentLease.system.filter(released_at=None).exists()


ONE = runs.document({"pay": doing("pay", "end"), "end": {"type": "terminate", "outputs": {"pay": "pay"}}})


def test_an_agent_that_forgets_keys_sees_a_doubtful_effect_twice_and_the_run_says_so(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
):
    commits = Commits(monkeypatch)
    fatal, died = 1, True
    seen: set[tuple[int, int]] = set()
    with agents.agent(tenant, pay=lambda params: "paid") as web:
        while died:
            web.effects.clear()
            run, died = disturbed(tenant, commits, fatal, ONE)
            assert (run.status, run.output_vars) == ("completed", {"pay": "paid"})
            seen.add((len(web.effects), len(in_doubt(run))))
            fatal += 1
    assert seen == {(1, 0), (1, 1), (2, 1)}


def test_an_irreversible_effect_never_happens_twice(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    commits = Commits(monkeypatch)
    fatal, died = 1, True
    seen: set[tuple[str, str, int]] = set()
    offer = [{"name": "pay", "side_effect": "irreversible"}]
    with agents.agent(tenant, pay=lambda params: "paid", capabilities=offer) as web:
        while died:
            web.effects.clear()
            run, died = disturbed(tenant, commits, fatal, ONE)
            seen.add((run.status, run.error_class, len(web.effects)))
            fatal += 1
    assert seen == {("completed", "", 1), ("failed", "effect_unknown", 0), ("failed", "effect_unknown", 1)}
