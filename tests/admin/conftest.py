"""Rows in every table of the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from agents import services as agents
from agents.models import AgentLease, Circuit, RateBucket, ResourceLimit
from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from langorch.lib import clock, ids
from langorch.models import Leadership
from orchestration import services as runs
from orchestration.choices import BulkVerb
from orchestration.models import Artifact, IdempotencyKey, Snapshot, SpaceProbe
from orchestration.runtime import engine
from tenants.auth import tokens
from tenants.models import LoginAttempt, Project, StoredAnswer, Tenant, UsedTicket
from tests import people, published
from tests.people import House

Fill = Callable[[int], None]


@pytest.fixture
def fill(house: House) -> Fill:
    """`fill(n)` adds at least n rows of every kind to the project of the house."""
    made: list[int] = []

    def add(count: int) -> None:
        for _ in range(count):
            made.append(len(made))
            _one_of_each(house, len(made))

    return add


def _one_of_each(house: House, number: int) -> None:
    published.publish(house.operator, _document(f"purchase-{number}"), house.project)
    request = runs.StartRequest(procedure_id=f"purchase-{number}", input_vars={"item": "desk", "amount": 100})
    run = runs.start_run(people.actor(house.operator), request).run
    engine.drive_ready("tests")
    asked = Approval.system.get(run_id=run.pk)
    approvals.decide(people.actor(house.judge), asked.pk, Answer("approved"))
    now = clock.now()
    assert Snapshot.objects.filter(run=run).exists()
    Artifact.system.create(
        tenant=house.tenant,
        run=run,
        kind="file",
        name="a.txt",
        uri="a",
        mime_type="text/plain",
        size_bytes=1,
        sha256="0" * 64,
        created_at=now,
    )
    runs.start_bulk(people.actor(house.operator), BulkVerb.TAG, [run.pk], "purchase", "a")
    _agent(house, number)
    RateBucket.system.create(tenant=house.tenant, name=f"purchase-{number}", tokens=1, refilled_at=now)
    IdempotencyKey.system.create(
        tenant=house.tenant,
        scope="global",
        digest=f"{number:064}",
        action="purchase",
        params_digest="0" * 64,
        run_id=run.pk,
        path="prepare",
        step_id="note",
        updated_at=now,
    )
    tokens.issue(house.operator, house.tenant.pk)
    StoredAnswer.system.create(
        tenant=house.tenant, identity="operator", route=f"/{number}", key="k", body_hash="0", created_at=now
    )
    LoginAttempt.objects.create(account="somebody", address="127.0.0.1", at=now)
    UsedTicket.objects.create(nonce=ids.token(), at=now)
    Leadership.objects.create(name=f"job-{number}", holder="here", until=now)
    SpaceProbe.objects.create(at=now, content=b"x")
    people.make_person(f"person-{number}", ("viewer", house.project))
    Group.objects.create(name=f"group-{number}")
    Project.system.create(tenant=house.tenant, name=f"project-{number}")
    Tenant.objects.create(slug=f"tenant-{number}", name=f"Tenant {number}")


def _agent(house: House, number: int) -> None:
    """An agent with a lease, a circuit and a limit."""
    name = f"purchase {number}"
    agent = agents.register_agent(people.actor(house.admin), agents.Registration(name, "web", "http://127.0.0.1:9"))
    AgentLease.system.create(
        tenant=house.tenant,
        agent=agent,
        resource_key=agent.resource_key,
        run_id=ids.uuid7(),
        node_id="n",
        path="n",
        step_id="s",
        dispatch_id=ids.uuid7(),
        fence=number,
        acquired_at=clock.now(),
        expires_at=clock.now(),
    )
    Circuit.system.create(tenant=house.tenant, kind="agent", subject=agent.agent_id, failures=1)
    ResourceLimit.system.create(tenant=house.tenant, resource_key=f"key-{number}", concurrency_limit=1)


def _document(procedure_id: str) -> dict[str, Any]:
    document = published.purchase() | {"procedure_id": procedure_id}
    graph = document["workflow_graph"]
    steps = [{"step_id": "note", "action": "log", "message": "{{ item }}"}]
    graph["nodes"]["prepare"] = {"type": "sequence", "steps": steps, "next_node": "ask"}
    return document | {"workflow_graph": graph | {"start_node": "prepare"}}
