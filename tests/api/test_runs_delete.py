"""Removing runs over REST: one, or all that ended before a time; with all that belongs to them (api 5)."""

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage

from approvals.models import Approval
from langorch.lib import clock
from orchestration.models import Artifact, Event, Run, RunJob, StepRecord, Visit, Wait
from procedures.models import Document
from tenants.models import AuditEntry
from tests import runs
from tests.artifacts import stored_artifact
from tests.documents import hello
from tests.published import publish, purchase

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/runs"
CLEAN_UP = f"{URL}/cleanup/history"


@pytest.fixture
def operator(house, api):
    return api(house.operator)


@pytest.fixture
def admin(house, api):
    return api(house.admin)


def started(house, operator, document=None) -> Run:
    document = document or hello("short")
    publish(house.operator, document, house.project)
    answer = operator.post(URL, {"procedure_id": document["procedure_id"], "input_vars": {"item": "x", "amount": 2}})
    return Run.system.get(pk=answer.json()["run_id"])


def ended(house, operator, document=None) -> Run:
    return runs.drive(started(house, operator, document))


def child_of(parent: Run, **fields) -> Run:
    """A run below another one, as a subflow leaves it."""
    child = runs.queue(parent.tenant, runs.document({"t": {"type": "terminate"}}))
    runs.drive(child)
    root = parent.root_run or parent
    Run.system.filter(pk=child.pk).update(
        parent_run=parent, root_run=root, depth=parent.depth + 1, project=parent.project, **fields
    )
    return Run.system.get(pk=child.pk)


def test_everything_of_a_run_goes_and_the_trail_stays(house, operator):
    run = started(house, operator, purchase())
    runs.drive(run)
    Approval.system.get(run_id=run.pk)
    operator.post(f"{URL}/{run.pk}/cancel")
    artifact = stored_artifact(run, "a.txt", b"x")
    assert operator.get(f"{URL}/{run.pk}").json()["can"]["delete"] is True
    answer = operator.delete(f"{URL}/{run.pk}?reason=a+trial")
    assert (answer.status_code, answer.json()) == (200, {"deleted": True, "run_id": str(run.pk)})
    for model in (Event, Visit, StepRecord, Wait, RunJob, Artifact):
        assert not model._base_manager.filter(run=run.pk).exists(), model
    assert not Approval.system.filter(run_id=run.pk).exists()
    assert not default_storage.exists(artifact.file)
    assert Document.system.filter(pk=run.document_id).exists()
    trail = AuditEntry.system.filter(resource_id=str(run.pk)).order_by("ts")
    assert [entry.action for entry in trail] == ["run.start", "run.cancel", "run.delete"]
    assert trail[2].description.endswith(": a trial")
    assert operator.get(f"{URL}/{run.pk}").status_code == 404
    assert operator.delete(f"{URL}/{run.pk}").status_code == 404


def test_open_runs_stay(house, operator):
    run = started(house, operator)
    answer = operator.delete(f"{URL}/{run.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "run_open")
    assert "cancel it first" in operator.get(f"{URL}/{run.pk}").json()["can"]["delete"]


def test_children_go_with_their_parent_and_not_without_it_while_it_is_open(house, operator):
    parent = ended(house, operator)
    child = child_of(parent)
    grandchild = child_of(child)
    retry = operator.post(f"{URL}/{parent.pk}/retry", {"mode": "start"}).json()
    Run.system.filter(pk=grandchild.pk).update(status="running", ended_at=None)
    assert operator.delete(f"{URL}/{parent.pk}").json()["code"] == "run_open"
    assert operator.delete(f"{URL}/{grandchild.pk}").json()["code"] == "run_open"
    Run.system.filter(pk=grandchild.pk).update(status="completed", ended_at=clock.now())
    Run.system.filter(pk=child.pk).update(status="running", ended_at=None)
    assert operator.delete(f"{URL}/{grandchild.pk}").json()["code"] == "run_open"
    Run.system.filter(pk=child.pk).update(status="completed", ended_at=clock.now())
    assert operator.delete(f"{URL}/{parent.pk}").status_code == 200
    assert list(Run.system.values_list("pk", "retry_of")) == [(Run.system.get().pk, None)]
    assert str(Run.system.get().pk) == retry["run_id"]


def test_only_operators_delete(house, api, operator):
    run = ended(house, operator)
    assert api(house.viewer).delete(f"{URL}/{run.pk}").status_code == 403
    assert api(house.guest).delete(f"{URL}/{run.pk}").status_code == 403
    assert api(house.stranger).delete(f"{URL}/{run.pk}").status_code == 404
    assert Run.system.filter(pk=run.pk).exists()


@pytest.fixture
def history(house, operator) -> dict[str, Run]:
    """An open run, young and old ones, and two families, one of which is young in part."""
    found = {name: ended(house, operator) for name in ("young", "old", "older", "family", "mixed")}
    found["open"] = started(house, operator)
    found["child"] = child_of(found["family"])
    found["young child"] = child_of(found["mixed"])
    ages = {"old": 10, "older": 20, "family": 10, "child": 10, "mixed": 10}
    for name, days in ages.items():
        Run.system.filter(pk=found[name].pk).update(ended_at=clock.now() - timedelta(days=days))
    Run.system.filter(pk=found["older"].pk).update(status="canceled")
    return found


def days_ago(days: float) -> str:
    return (clock.now() - timedelta(days=days)).isoformat().replace("+00:00", "Z")


def left(history: dict[str, Run]) -> set[str]:
    kept = set(Run.system.values_list("pk", flat=True))
    return {name for name, run in history.items() if run.pk in kept}


def test_the_preview_says_what_a_clean_up_removes(history, admin):
    before = days_ago(5)
    preview = admin.get(CLEAN_UP, {"before": before}).json()
    assert (preview["count"], preview["status"]) == (4, None)
    dry = admin.delete(f"{CLEAN_UP}?before={before}&dry_run=1").json()
    assert (dry["deleted_count"], dry["count"]) == (0, 4)
    assert left(history) == set(history)
    done = admin.delete(f"{CLEAN_UP}?before={before}&reason=spring")
    assert (done.status_code, done.json()["deleted_count"]) == (200, preview["count"])
    assert left(history) == {"young", "mixed", "young child", "open"}
    entry = AuditEntry.system.get(action="run.cleanup")
    assert entry.description.startswith("4 runs that ended before ")
    assert entry.description.endswith("spring")
    assert admin.get(CLEAN_UP, {"before": before}).json()["count"] == 0


def test_a_clean_up_of_one_status(history, admin):
    asked = f"{CLEAN_UP}?before={days_ago(5)}&status=canceled"
    assert admin.get(asked).json() | {"before": ""} == {"count": 1, "before": "", "status": "canceled"}
    assert admin.delete(asked).json()["deleted_count"] == 1
    assert "older" not in left(history)


@pytest.mark.parametrize("query", ["", "?before=soon", "?before=2026-01-01&status=running"])
def test_a_clean_up_that_says_too_little_or_wrong(history, admin, query):
    assert admin.get(CLEAN_UP + query).status_code == 422
    assert admin.delete(CLEAN_UP + query).status_code == 422
    assert left(history) == set(history)


def test_who_cleans_up_and_what(history, house, api, operator):
    asked = f"{CLEAN_UP}?before={days_ago(0)}"
    assert operator.delete(asked).status_code == 403
    assert api(house.stranger).delete(asked).json()["deleted_count"] == 0
    assert left(history) == set(history)
