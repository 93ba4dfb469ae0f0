"""The page of a run that is undone: what became of what it had done, and what can be done now."""

from typing import Any

import pytest

from orchestration import services
from orchestration.models import Run
from tests import html, people, runs
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)

LOST = {"type": "terminate", "status": "failed", "message": "Lost"}
ASKED = {"type": "human_approval", "prompt": "Go on?", "on_approve": "z", "on_reject": "z"}
BROKEN = {"action": "convert_type", "source": "twelve", "target_type": "number", "retry_on_failure": False}


def doing(name: str, next_node: str, **undo: Any) -> dict[str, Any]:
    step = {"step_id": name, "action": "calculate", "expression": "1", "output_variable": name}
    compensation = {"step_id": f"undo_{name}", "action": "log", "message": f"undo {name}"} | undo
    return {"type": "sequence", "steps": [step | {"compensate_with": compensation}], "next_node": next_node}


@pytest.fixture
def undoable(house):
    """A run of two things that can be undone, driven as far as it goes: the second as `undo` says."""

    def make(end: dict[str, Any] = LOST, compensation: str = "on_failure_or_cancel", **undo: Any) -> Run:
        nodes = {"a": doing("one", "b"), "b": doing("two", "c", **undo), "c": end, "z": LOST}
        nodes = nodes if end is ASKED else {name: node for name, node in nodes.items() if name != "z"}
        graph = {"start_node": "a", "nodes": nodes}
        publish(house.admin, hello("undoable", workflow_graph=graph, global_config={"compensation": compensation}))
        request = services.StartRequest(procedure_id="undoable")
        return runs.drive(services.start_run(people.actor(house.operator), request).run)

    return make


@pytest.fixture
def operator(browser, house):
    return browser(house.operator)


def words(client: Any, run: Run) -> str:
    return html.words(client.get(f"/runs/{run.pk}"))


def test_a_failed_run_that_was_undone_says_so_and_cannot_go_on(undoable, operator):
    run = undoable()
    text = words(operator, run)
    assert "What was done before was undone." in text
    assert "stays done" not in text
    assert "Retry with changed inputs" in text
    assert "Retry from where it stopped" not in text


def test_what_could_not_be_undone_is_told(undoable, operator):
    run = undoable(**BROKEN)
    assert "Of what was done before, 1 could be undone and 1 could not." in words(operator, run)


def test_a_run_that_leaves_undoing_to_people_says_that_all_stays(undoable, operator, house):
    run = undoable(compensation="manual")
    text = words(operator, run)
    assert "What was done before stays done." in text
    assert "Retry from where it stopped" in text

    services.compensate_run(people.actor(house.operator), run, "booked twice")
    heading = html.heading(operator.get(f"/runs/{run.pk}"))
    assert heading == "Undoing what was done (waiting for a free worker, 1st in line), then the run ends as failed"

    runs.drive(run)
    assert "What was done before was undone." in words(operator, run)


def test_a_canceled_run_that_was_undone_says_so(undoable, operator, house):
    run = undoable(ASKED)
    services.cancel_run(people.actor(house.operator), run, "not needed")
    heading = html.heading(operator.get(f"/runs/{run.pk}"))
    assert heading.startswith("Undoing what was done")
    assert heading.endswith("then the run ends as canceled")
    run = runs.drive(run)
    answer = operator.get(f"/runs/{run.pk}")
    assert html.heading(answer) == "Canceled by operator: not needed"
    assert "What was done before was undone." in html.words(answer)


def test_a_run_canceled_with_its_parent_says_so(house, operator):
    child = hello("child", workflow_graph={"start_node": "c", "nodes": {"c": ASKED | {"on_approve": "z"}, "z": LOST}})
    call = {"type": "subflow", "procedure_id": "child", "version": child["version"], "next_node": "z"}
    graph = {"start_node": "call", "nodes": {"call": call, "z": {"type": "terminate"}}}
    publish(house.admin, child)
    publish(house.admin, hello("parent", workflow_graph=graph))
    request = services.StartRequest(procedure_id="parent")
    parent = runs.drive(services.start_run(people.actor(house.operator), request).run)
    services.cancel_run(people.actor(house.operator), parent, "all off")
    part = Run.system.get(parent_run=parent)
    assert html.heading(operator.get(f"/runs/{part.pk}")) == "Canceled with the run that it is part of"
