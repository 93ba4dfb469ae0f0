"""Waiting for agents, choosing among them, and breakers (protocols 5 and 6)."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from agents import services
from agents.models import Agent, AgentLease, Circuit, ResourceLimit
from langorch.lib import clock
from orchestration import capacity, transitions, waiting, waits
from orchestration.models import Event, Run, Wait
from orchestration.runtime import calls, heartbeat
from tenants.actor import system
from tenants.models import Project, Tenant
from tests import agents, processes, runs
from tests.servers import Reply

pytestmark = pytest.mark.django_db(transaction=True)


def step_at(channel: str = "web", action: str = "navigate", **step: Any) -> dict[str, Any]:
    steps = [{"step_id": "s", "action": action, "output_variable": "found", **step}]
    return {
        "n": {"type": "sequence", "agent": channel, "steps": steps, "next_node": "end"},
        "end": {"type": "terminate", "outputs": {"found": "found"}},
    }


def queued(tenant: Tenant, nodes: dict[str, Any] | None = None) -> Run:
    return runs.queue(tenant, runs.document(nodes or step_at()))


def events(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def busy(tenant: Tenant, agent_id: str) -> AgentLease:
    """A lease of somebody else that fills an agent."""
    agent = Agent.system.get(tenant=tenant, agent_id=agent_id)
    now = clock.now()
    return AgentLease.system.create(
        tenant=tenant,
        agent=agent,
        resource_key=agent.resource_key,
        run_id=tenant.pk,
        node_id="n",
        path="n",
        step_id="s",
        dispatch_id=agent.pk,
        fence=1_000,
        acquired_at=now,
        expires_at=now + timedelta(seconds=60),
    )


def test_a_step_to_which_nobody_is_registered_waits_for_somebody(tenant: Tenant):
    run = runs.drive(queued(tenant))
    assert run.status == "paused"
    wait = Wait.objects.get(run=run)
    assert (wait.kind, wait.ref, wait.state) == ("capacity", "agent:web/navigate", "open")
    assert wait.until - wait.since == timedelta(seconds=900)
    told = waiting.waiting_for_one(run)
    assert told.entry["sentence"].startswith("Waiting for an agent that offers navigate: nobody on web does")
    with agents.agent(tenant, navigate=lambda params: 7) as web:
        assert Run.system.get(pk=run.pk).status == "created"
        run = runs.drive(run)
    assert (run.status, run.output_vars) == ("completed", {"found": 7})
    assert [call["attempt"] for call in web.calls] == [1]


def test_agents_that_do_not_fit_wake_nobody(tenant: Tenant, project: Project):
    run = runs.drive(queued(tenant, step_at(required_capability_version=">=2.0", pool="fast")))
    unfit = [
        {"channel": "web", "capabilities": ["click"], "pool_id": "fast"},
        {"channel": "web", "capabilities": [{"name": "navigate", "version": "1.4"}], "pool_id": "fast"},
        {"channel": "web", "capabilities": [{"name": "navigate", "version": "2"}], "pool_id": "slow"},
        {"channel": "desktop", "capabilities": [{"name": "navigate", "version": "2"}], "pool_id": "fast"},
        {"channel": "web", "capabilities": ["*"], "pool_id": "fast", "projects": [project]},
    ]
    small = agents.SmallAgent(url="http://127.0.0.1:9")
    for number, given in enumerate(unfit):
        agents.register(tenant, small, given.pop("channel"), f"a{number}", **given)
    assert Run.system.get(pk=run.pk).status == "paused"
    assert capacity.sweep() == 0
    fit = [{"name": "navigate", "version": "2.1.0"}]
    with agents.agent(tenant, navigate=lambda params: 1, capabilities=fit, pool_id="fast"):
        assert runs.drive(run).status == "completed"


def test_nobody_comes(tenant: Tenant):
    run = runs.drive(queued(tenant))
    runs.fire(Wait.objects.get(run=run))
    assert Wait.objects.get(run=run).state == "expired"
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "no_executor")
    assert run.error["message"] == (
        "No agent is registered on channel web that offers navigate, and none came within 900 s."
    )


def test_waiting_may_be_forbidden(tenant: Tenant, settings: Any):
    settings.ENV = settings.ENV.model_copy(update={"AGENT_MISSING_WAIT_SECONDS": 0})
    run = runs.drive(queued(tenant))
    assert (run.status, run.error_class) == ("failed", "no_executor")
    assert not Wait.objects.exists()


def test_a_freed_slot_wakes_the_best_waiter(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: 1, pool_id="blue") as web:
        lease = busy(tenant, "web_web")
        first, second = runs.drive(queued(tenant)), runs.drive(queued(tenant))
        assert {first.status, second.status} == {"paused"}
        assert {wait.ref for wait in Wait.objects.all()} == {"pool:web/blue"}
        (told,) = events(first, "pool_saturated")
        assert (told["in_use"], told["limit"], told["pool_id"], told["waiting"]) == (1, 1, "blue", 1)
        second.job.priority = 5
        second.job.save()
        services.release_lease(system(tenant.pk), lease)
        assert Run.system.get(pk=second.pk).status == "created"
        assert Run.system.get(pk=first.pk).status == "paused"
        runs.drive(second)
        assert {run.status for run in Run.system.all()} == {"completed"}
    assert len(web.calls) == 2


def test_an_expired_lease_frees_its_slot(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: 1):
        lease = busy(tenant, "web_web")
        run = runs.drive(queued(tenant))
        assert run.status == "paused"
        AgentLease.system.filter(pk=lease.pk).update(expires_at=clock.now() - timedelta(seconds=1))
        assert capacity.sweep()
        assert AgentLease.system.get(pk=lease.pk).ended_by == "expiry"
        assert runs.drive(run).status == "completed"


def test_the_sweep_finds_a_lost_wake(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: 1):
        lease = busy(tenant, "web_web")
        run = runs.drive(queued(tenant))
        AgentLease.system.filter(pk=lease.pk).update(released_at=clock.now())
        assert capacity.sweep() == 1
        assert runs.drive(run).status == "completed"


def test_waiting_for_a_slot_ends(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: 1):
        busy(tenant, "web_web")
        run = runs.drive(queued(tenant))
        runs.fire(Wait.objects.get(run=run))
        run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "capacity_timeout")
    assert run.error["message"] == "No agent of pool standalone on channel web had a free slot within 900 s."


def waited_in_vain(tenant: Tenant) -> str:
    """What is said of a run that waits for an agent, and for which none can be had in time."""
    run = runs.drive(queued(tenant))
    runs.fire(Wait.objects.get(run=run, state="open"))
    run = runs.drive(run)
    assert run.error_class == "capacity_timeout"
    message: str = run.error["message"]
    return message


def test_it_is_said_whether_agents_were_busy_or_could_not_be_used(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: Reply(500), pool_id="blue") as web:
        for _ in range(3):
            runs.drive(queued(tenant))
        assert Circuit.system.get().state == "open"
        said = waited_in_vain(tenant)
        assert said == "No agent of pool blue on channel web could be used within 900 s (1 circuit open)."
        agents.register(tenant, web, "web", "second", capabilities=["navigate"], pool_id="blue")
        busy(tenant, "web_second")
        said = waited_in_vain(tenant)
        assert said == "No agent of pool blue on channel web had a free slot within 900 s (1 circuit open)."
        Agent.system.filter(agent_id="web_second").update(status="offline")
        said = waited_in_vain(tenant)
        assert said == "No agent of pool blue on channel web could be used within 900 s (1 circuit open, 1 offline)."


def test_blanks_around_the_name_of_an_agent_mean_nothing(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: 7) as web:
        assert runs.drive(queued(tenant, step_at("  Web "))).status == "completed"
        nodes = step_at("nobody", agent=" {{ who }} ")
        run = runs.queue(tenant, runs.document(nodes, variables_schema={"who": {"type": "string"}}), who=" web ")
        assert runs.drive(run).status == "completed"
    assert len(web.calls) == 2


def test_waiting_again_keeps_its_place_and_its_end(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: 1):
        busy(tenant, "web_web")
        run = runs.drive(queued(tenant))
        before = Wait.objects.get(run=run)
        waits.signal(waits.Signal(run.pk, "n", before.kind, None, by="tester"))
        assert runs.drive(run).status == "paused"
    again = Wait.objects.get(run=run, state="open")
    assert (again.since, again.until) == (before.since, before.until)
    assert len(events(run, "pool_saturated")) == 1


def test_a_canceled_run_waits_no_more(tenant: Tenant):
    run = runs.drive(queued(tenant))
    transitions.request_cancel(run.pk, "tester")
    with agents.agent(tenant, navigate=lambda params: 1):
        assert Run.system.get(pk=run.pk).status == "canceled"


def test_two_branches_share_an_agent_of_one_slot(tenant: Tenant):
    branches = [{"branch_id": name, "start_node": name} for name in ("a", "b", "c")]
    one = {"type": "sequence", "agent": "web", "steps": [{"step_id": "s", "action": "navigate"}], "next_node": "end"}
    nodes = {
        "fork": {"type": "parallel", "branches": branches, "next_node": "end"},
        **dict.fromkeys(("a", "b", "c"), one),
        "end": {"type": "terminate"},
    }
    at_once, most = [0], [0]

    def act(params: dict[str, Any]) -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.05)
        at_once[0] -= 1

    with agents.agent(tenant, navigate=act) as web:
        run = runs.drive(queued(tenant, nodes))
    assert run.status == "completed", run.error
    assert (len(web.calls), most) == (3, [1])
    assert not Wait.objects.filter(state="open").exists()


def test_equal_agents_get_equal_shares_and_a_run_stays_with_its_own(tenant: Tenant):
    steps = [{"step_id": f"s{number}", "action": "navigate"} for number in range(3)]
    nodes = {
        "n": {"type": "sequence", "agent": "web", "steps": steps, "next_node": "end"},
        "end": {"type": "terminate"},
    }
    with (
        agents.agent(tenant, "web", "one", navigate=lambda params: 1) as one,
        agents.agent(tenant, "web", "two", navigate=lambda params: 1) as two,
    ):
        for _ in range(4):
            runs.drive(queued(tenant, nodes))
    assert (len(one.calls), len(two.calls)) == (6, 6)
    for served in (one, two):
        assert len({call["run_id"] for call in served.calls}) == 2


def test_without_affinity_each_step_takes_the_next_agent(tenant: Tenant):
    steps = [{"step_id": f"s{number}", "action": "navigate"} for number in range(4)]
    nodes = {
        "n": {"type": "sequence", "agent": "web", "steps": steps, "next_node": "end"},
        "end": {"type": "terminate"},
    }
    with (
        agents.agent(tenant, "web", "one", navigate=lambda params: 1, affinity="none") as one,
        agents.agent(tenant, "web", "two", navigate=lambda params: 1, affinity="none") as two,
    ):
        runs.drive(queued(tenant, nodes))
    assert (len(one.calls), len(two.calls)) == (2, 2)


def test_a_full_or_sick_pool_spills_over(tenant: Tenant):
    with (
        agents.agent(tenant, "web", "a", navigate=lambda params: "a", pool_id="first", pool_priority=-1),
        agents.agent(tenant, "web", "b", navigate=lambda params: "b", pool_id="second"),
        agents.agent(tenant, "web", "c", navigate=lambda params: "c"),
    ):
        assert runs.drive(queued(tenant)).output_vars == {"found": "a"}
        busy(tenant, "web_a")
        assert runs.drive(queued(tenant)).output_vars == {"found": "b"}
        services.pause_agent(system(tenant.pk), Agent.system.get(agent_id="web_b"))
        assert runs.drive(queued(tenant)).output_vars == {"found": "c"}


def test_a_run_leaves_an_agent_that_is_gone(tenant: Tenant):
    steps = [
        {"step_id": "s", "action": "navigate"},
        {"step_id": "w", "action": "wait", "duration_ms": 60_000},
        {"step_id": "t", "action": "navigate"},
    ]
    nodes = {
        "n": {"type": "sequence", "agent": "web", "steps": steps, "next_node": "end"},
        "end": {"type": "terminate"},
    }
    with agents.agent(tenant, "web", "one", navigate=lambda params: 1) as one:
        run = runs.drive(queued(tenant, nodes))
        services.drain_agent(system(tenant.pk), Agent.system.get(agent_id="web_one"))
        with agents.agent(tenant, "web", "two", navigate=lambda params: 1) as two:
            runs.fire(Wait.objects.get(run=run, state="open"))
            assert runs.drive(run).status == "completed"
    assert (len(one.calls), len(two.calls)) == (1, 1)
    assert events(run, "affinity_lost") == [
        {"channel": "web", "from_agent_id": "web_one", "to_agent_id": "web_two", "reason": "draining"}
    ]


def test_the_limit_of_a_resource_holds_over_channels(tenant: Tenant):
    ResourceLimit.system.create(tenant=tenant, resource_key="licence", concurrency_limit=1)
    shared = {"resource_key": "licence", "concurrency_limit": 5}
    with (
        agents.agent(tenant, "web", "one", navigate=lambda params: 1, **shared),
        agents.agent(tenant, "desktop", "two", click=lambda params: 1, **shared),
    ):
        lease = busy(tenant, "web_one")
        run = runs.drive(queued(tenant, step_at("desktop", "click")))
        assert run.status == "paused"
        services.release_lease(system(tenant.pk), lease)
        capacity.sweep()
        assert runs.drive(run).status == "completed"


def test_three_failures_in_a_row_open_the_circuit(tenant: Tenant):
    replies = [Reply(500), Reply(500), Reply(404), Reply(500), Reply(500), Reply(500)]
    with agents.agent(tenant, navigate=lambda params: replies.pop(0)) as web:
        for _ in range(5):
            assert runs.drive(queued(tenant)).status == "failed"
        assert Circuit.system.get().state == "closed"
        runs.drive(queued(tenant))
        circuit = Circuit.system.get()
        assert (circuit.state, circuit.openings, circuit.failures) == ("open", 1, 3)
        run = runs.drive(queued(tenant))
        assert run.status == "paused"
        assert len(web.calls) == 6


def test_one_probe_closes_or_opens_a_circuit(tenant: Tenant):
    replies = [Reply(500)] * 4
    with agents.agent(tenant, navigate=lambda params: replies.pop() if replies else 1) as web:
        for _ in range(3):
            runs.drive(queued(tenant))
        run = runs.drive(queued(tenant))
        assert run.status == "paused"
        _let_probe(run)
        assert runs.drive(run).error_class == "agent_unreachable"
        circuit = Circuit.system.get()
        assert (circuit.state, circuit.openings) == ("open", 2)
        assert timedelta(seconds=590) < circuit.until - clock.now() < timedelta(seconds=610)

        first, second = runs.drive(queued(tenant)), runs.drive(queued(tenant))
        _let_probe(first)
        assert runs.drive(first).status == "completed"
        assert Circuit.system.get().state == "closed"
        assert Run.system.get(pk=second.pk).status == "completed"
    assert len(web.calls) == 6


def _let_probe(run: Run) -> None:
    Circuit.system.update(until=clock.now() - timedelta(seconds=1))
    assert capacity.sweep() == 1
    assert Run.system.get(pk=run.pk).status == "created"


def test_a_revoked_lease_cuts_its_call(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: time.sleep(2)) as web:
        run = queued(tenant)
        worker = agents.at_work(run)
        assert web.arrived.wait(5)
        lease = AgentLease.system.get()
        services.release_lease(system(tenant.pk), lease, "stuck")
        heartbeat.renew(run.pk, heartbeat.keeper.leases()[run.pk])
        worker.join(timeout=5)
        run.refresh_from_db()
        assert (run.status, run.error_class) == ("failed", "agent_unreachable")
        processes.until(lambda: web.canceled, 2, "the agent is told")
    assert "lease_revoked" in runs.told(run.pk)


def test_a_heartbeat_while_a_slot_is_being_taken_loses_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    if connection.vendor == "sqlite":
        pytest.skip("a writer excludes every other there")
    tell = calls.AgentCall._tell_started

    def beat() -> None:
        for run_id, lease in heartbeat.keeper.leases().items():
            heartbeat.renew(run_id, lease)
        connection.close()

    def told(call: calls.AgentCall, *arguments: Any) -> None:
        tell(call, *arguments)
        thread = threading.Thread(target=beat)
        thread.start()
        thread.join()

    monkeypatch.setattr(calls.AgentCall, "_tell_started", told)
    with agents.agent(tenant, go=lambda params: 1):
        run = runs.drive(queued(tenant, step_at(action="go")))
    assert run.status == "completed", run.error
