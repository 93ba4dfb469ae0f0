"""Agents in the admin: registered, changed, paused, drained, resumed; leases released, circuits opened and closed."""

import json

from django.urls import reverse

from agents.models import Agent, AgentLease, Circuit
from langorch.lib import clock, ids
from tenants.models import AuditEntry
from tests import agents
from tests.admin.test_actions import press, said
from tests.people import Browsers, House

FORM = {
    "name": "Browser 1",
    "channel": "WEB",
    "agent_id": "",
    "base_url": "http://127.0.0.1:9/",
    "status": "online",
    "concurrency_limit": "2",
    "resource_key": "",
    "pool_id": "",
    "pool_priority": "0",
    "affinity": "run",
    "capabilities": json.dumps(["navigate", {"name": "book", "side_effect": "irreversible"}]),
    "capabilities_version": "",
}


def registered(house: House) -> Agent:
    return agents.register(house.tenant, agents.SmallAgent(url="http://127.0.0.1:9"), "web", "Browser 1")


def test_an_administrator_registers_an_agent(house: House, browser: Browsers) -> None:
    address = reverse("admin:agents_agent_add")
    answer = browser(house.admin).post(address, FORM | {"projects": [str(house.project.pk)]})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    agent = Agent.system.get()
    assert (agent.agent_id, agent.channel, agent.resource_key) == ("web_browser_1", "web", "web_default")
    assert agent.base_url == "http://127.0.0.1:9"
    assert agent.capabilities[1] == {"type": "tool", "name": "book", "side_effect": "irreversible"}
    assert list(agent.projects.all()) == [house.project]
    assert AuditEntry.system.get(action="agent.register").actor == "admin"
    assert browser(house.operator).get(address).status_code == 403


def test_what_is_wrong_is_said_at_its_field(house: House, browser: Browsers) -> None:
    wrong = FORM | {
        "base_url": "http://169.254.169.254/",
        "channel": "no blanks",
        "capabilities": '[{"name": "x", "side_effect": "odd"}]',
    }
    client, address = browser(house.admin), reverse("admin:agents_agent_add")
    assert "channel" in client.post(address, wrong).context["adminform"].form.errors
    errors = client.post(address, wrong | {"channel": "web"}).context["adminform"].form.errors
    assert "169.254.169.254" in str(errors["base_url"])
    errors = client.post(address, FORM | {"capabilities": wrong["capabilities"]}).context["adminform"].form.errors
    assert "odd" in str(errors["capabilities"])
    assert not Agent.system.exists()


def test_an_agent_is_changed_but_for_its_names(house: House, browser: Browsers) -> None:
    agent = registered(house)
    address = reverse("admin:agents_agent_change", args=[agent.pk])
    answer = browser(house.admin).post(address, FORM | {"channel": "other", "concurrency_limit": "7"})
    assert answer.status_code == 302
    agent.refresh_from_db()
    assert (agent.channel, agent.concurrency_limit) == ("web", 7)


def test_operators_pause_drain_and_resume(house: House, browser: Browsers) -> None:
    agent, client = registered(house), browser(house.operator)
    for action, state in (("pause", "paused"), ("drain", "draining")):
        press(client, "agents_agent", action, agent, confirmed="1", reason="maintenance")
        agent.refresh_from_db()
        assert agent.desired_state == state
    assert said(press(client, "agents_agent", "resume", agent))[-1] == "Resume: 1 done"
    agent.refresh_from_db()
    assert agent.desired_state == "active"
    assert AuditEntry.system.get(action="agent.drain").description.endswith("maintenance")


def test_administrators_release_leases_and_close_circuits(house: House, browser: Browsers) -> None:
    agent = registered(house)
    lease = AgentLease.system.create(
        tenant=house.tenant,
        agent=agent,
        resource_key="web_default",
        run_id=ids.uuid7(),
        node_id="n",
        path="n",
        step_id="s",
        dispatch_id=ids.uuid7(),
        fence=1,
        acquired_at=clock.now(),
        expires_at=clock.now(),
    )
    circuit = Circuit.system.create(tenant=house.tenant, kind="agent", subject="web_browser_1")
    press(browser(house.operator), "agents_agentlease", "release", lease, confirmed="1", reason="because")
    lease.refresh_from_db()
    assert lease.released_at is None
    client = browser(house.admin)
    press(client, "agents_agentlease", "release", lease, confirmed="1", reason="stuck")
    lease.refresh_from_db()
    assert lease.ended_by == "admin"
    for action, state in (("open_circuits", "open"), ("close_circuits", "closed")):
        press(client, "agents_circuit", action, circuit, confirmed="1", reason="by hand")
        circuit.refresh_from_db()
        assert circuit.state == state
