"""Families of runs: questions deep inside, ends that come at any moment, and who waits for whom (runtime 2, 7, 15)."""

import threading
from typing import Any

import pytest
from django.db import connection

from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from orchestration import history
from orchestration.models import Run, RunJob, Wait
from orchestration.runtime import engine
from orchestration.runtime.checkpoints import RecordSaver
from orchestration.runtime.program import programs
from tenants.models import Tenant, User
from tests import people, runs
from tests.children import asks, calls, child_of, ends, made, sets, started
from tests.people import House

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def by(house: House) -> User:
    return house.operator


def decide(house: House, approval: Approval, comment: str) -> None:
    """Decide as people do."""
    approvals.decide(people.actor(house.approver), approval.pk, Answer("approved", comment=comment))


def test_questions_in_a_loop_in_a_branch_in_a_subflow(house: House, by: User):
    """Each has a row, an interrupt and an answer of its own; they are decided in any order."""
    inner = {
        "fork": {
            "type": "parallel",
            "branches": [
                {"branch_id": "left", "start_node": "each_left"},
                {"branch_id": "right", "start_node": "each_right"},
            ],
            "next_node": "meet",
        },
        "meet": {"type": "processing", "operations": [], "next_node": "end"},
        "end": ends(left="left", right="right"),
    }
    for side in ("left", "right"):
        inner[f"each_{side}"] = {
            "type": "loop",
            "iterator": "[1, 2]",
            "iterator_variable": "n",
            "body_node": f"ask_{side}",
            "collect_variable": side,
            "collect": "approval.comment",
            "next_node": "meet",
        }
        inner[f"ask_{side}"] = asks(f"each_{side}")
    made(by, "child", inner)
    made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
    run = runs.drive(started(by))
    child, interrupts = child_of(run), set[str]()
    order = [("right", 0), ("left", 0), ("right", 1), ("left", 1)]
    for side, number in order:
        path = f"fork:{side}/each_{side}[{number}]/ask_{side}"
        approval = Approval.system.get(run_id=child.pk, path=path, status="pending")
        interrupts.add(interrupt_id(child, f"fork:{side}/each_{side}[{number}]", f"ask_{side}"))
        run.refresh_from_db()
        assert (run.status, Wait.objects.get(run=run, state="open").ref) == ("paused", str(child.pk))
        decide(house, approval, f"{side} {number}")
        runs.drive(run)
    run.refresh_from_db()
    assert run.output_vars == {"subflow_output": {"left": ["left 0", "left 1"], "right": ["right 0", "right 1"]}}
    assert len(interrupts) == 4
    assert Approval.system.filter(run_id=child.pk, status="approved").count() == 4


def interrupt_id(run: Run, region: str, entry: str) -> str:
    owner = region.rpartition("/")[2].partition("[")[0]
    graph = programs.get(run.document_id).graph(owner, entry).copy({"checkpointer": RecordSaver()})
    (found,) = graph.get_state({"configurable": {"thread_id": history.thread_id(run.pk, region)}}).interrupts
    return str(found.id)


def test_a_child_that_ends_while_its_parent_is_being_parked_wakes_it(
    by: User, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
):
    Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=1)
    made(by, "child", {"end": ends(x=1)})
    made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
    run, park = started(by), engine.ending.park

    def late(*arguments: Any) -> bool:
        Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=9)
        monkeypatch.setattr(engine.ending, "park", park)
        assert engine.drive_one("other")
        return park(*arguments)

    monkeypatch.setattr(engine.ending, "park", late)
    assert engine.drive_one("w1")
    run.refresh_from_db()
    assert (run.status, run.output_vars) == ("completed", {"subflow_output": {"x": 1}})
    assert "run_parked" not in runs.told(run.pk)


def test_children_that_end_at_once_lose_no_wake_up(by: User):
    """Eight parents, three children each in branches; four threads answer the questions and drive the runs."""
    branches = [{"branch_id": f"b{n}", "start_node": f"call{n}"} for n in range(3)]
    nodes: dict[str, Any] = {"fork": {"type": "parallel", "branches": branches, "next_node": "end"}}
    for n in range(3):
        nodes[f"call{n}"] = calls(output_mapping={f"x{n}": "x"}, next_node="end")
    made(by, "child", {"set": sets("x", 1, "ask"), "ask": asks("end"), "end": ends(x="x")})
    made(by, "parent", nodes | {"end": ends(sum="{{ x0 + x1 + x2 }}")})
    parents = [started(by) for _ in range(8)]
    runs.drive(parents[0])
    asking = list(Wait.objects.filter(kind="approval", state="open").select_related("run"))
    assert len(asking) == 24

    def work(number: int) -> None:
        try:
            for wait in asking[number::4]:
                assert runs.answer(wait.run, wait.path, {"decision": "approved"})
                engine.drive_one(f"w{number}")
            runs.drive(parents[0], f"w{number}")
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs.drive(parents[0])
    found = Run.system.filter(pk__in=[run.pk for run in parents]).values_list("status", "output_vars__sum")
    assert list(found) == [("completed", 3)] * 8
    assert not Wait.objects.filter(state="open").exists()
    assert set(RunJob.objects.values_list("state", flat=True)) == {"done"}
    for run in parents:
        assert runs.told(run.pk).count("run_completed") == 1


def test_a_dry_run_gives_its_child_what_stands_for_results(by: User):
    schema = {"amount": {"type": "number", "required": True, "validation": {"min": 1}}}
    made(
        by, "child", {"end": ends(r="{{ amount }}")}, variables_schema=schema, outputs_schema={"r": {"type": "number"}}
    )
    got = {"step_id": "g", "action": "get_it", "output_variable": "it"}
    nodes = {
        "get": {"type": "sequence", "agent": "web", "steps": [got], "next_node": "call"},
        "call": {**calls(input_mapping={"amount": "{{ it.amount }}"}, output_mapping={"r": "r"}), "next_node": "end"},
        "end": ends(r="r"),
    }
    made(by, "parent", nodes)
    run = runs.drive(started(by, execution_mode="dry_run"))
    assert (run.status, run.output_vars["r"]["binding"]) == ("completed", "assumed"), run.error
