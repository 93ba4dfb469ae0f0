"""Bulk jobs: one verb for many runs, accepted at once and done run by run, each with its verdict (api 5)."""

import pytest
from django.db import connection

from langorch.lib import ids
from orchestration import bulk_jobs
from orchestration.models import Bulk, BulkItem, Run
from tenants.models import AuditEntry, Membership
from tests import runs
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/runs/bulk"


@pytest.fixture
def operator(house, api):
    return api(house.operator)


@pytest.fixture
def five(house, operator) -> list[Run]:
    """Two held, two completed and one canceled run."""
    publish(house.operator, hello("many"), house.project)
    made = [operator.post("/api/runs", {"procedure_id": "many"}).json()["run_id"] for _ in range(5)]
    operator.post(f"/api/runs/{made[4]}/cancel")
    for run_id in made[:2]:
        operator.post(f"/api/runs/{run_id}/pause")
    runs.drive(Run.system.get(pk=made[2]))
    return [Run.system.get(pk=run_id) for run_id in made]


def finish() -> None:
    while bulk_jobs.work():
        pass


def outcome(client, bulk_id: str):
    """Numbers of a job and the verdict of each run."""
    shown = client.get(f"/api/bulk/{bulk_id}").json()
    assert shown["total"] == sum(shown[part] for part in ("done", "failed", "skipped", "pending"))
    numbers = tuple(shown[part] for part in ("total", "done", "failed", "skipped"))
    return shown["status"], numbers, {one["run_id"]: (one["status"], one["code"]) for one in shown["results"]}


def test_a_job_is_accepted_and_then_done_run_by_run(operator, five):
    named = [str(run.pk) for run in five]
    answer = operator.post(URL, {"verb": "cancel", "ids": [*named, named[0]], "reason": "wrong month"})
    assert answer.status_code == 202
    accepted = answer.json()
    assert (accepted["status"], accepted["total"], accepted["pending"]) == ("running", 5, 5)
    assert Run.system.get(pk=five[0].pk).status == "paused"
    finish()
    status, numbers, verdicts = outcome(operator, accepted["bulk_id"])
    assert (status, numbers) == ("completed", (5, 3, 0, 2))
    assert [verdicts[run_id] for run_id in named] == [
        ("done", None),
        ("done", None),
        ("skipped", "run_terminal"),
        ("skipped", "run_terminal"),
        ("done", None),
    ]
    assert [Run.system.get(pk=run.pk).status for run in five] == ["canceled"] * 2 + ["completed"] * 2 + ["canceled"]
    told = AuditEntry.system.filter(action="run.cancel", via="bulk").values_list("actor", "description")
    assert [(who, text.rpartition(": ")[2]) for who, text in told] == [("operator", "wrong month")] * 2
    assert AuditEntry.system.filter(action="bulk.start").count() == 1


def test_each_verb(house, operator, five):
    def all_of(verb: str, **more):
        found = operator.post(URL, {"verb": verb, "filter": {"procedure_id": "many"}, "reason": "r", **more}).json()
        finish()
        return outcome(operator, found["bulk_id"])[1]

    assert all_of("resume") == (5, 2, 0, 3)
    assert all_of("pause") == (5, 2, 0, 3)
    assert all_of("tag", label="month:may") == (5, 5, 0, 0)
    assert {str(run.labels) for run in Run.system.all()} == {"{'month': 'may'}"}
    assert all_of("retry") == (5, 1, 0, 4)
    assert all_of("delete") == (5, 2, 0, 3)
    assert Run.system.count() == 3


def test_a_retry_as_a_new_run_names_it(house, operator, five):
    publish(house.operator, hello("many", "2.0.0", global_config={"resume_on_failure": False}), house.project)
    run_id = operator.post("/api/runs", {"procedure_id": "many"}).json()["run_id"]
    operator.post(f"/api/runs/{run_id}/cancel")
    bulk = operator.post(URL, {"verb": "retry", "ids": [run_id], "reason": "r"}).json()
    finish()
    (result,) = operator.get(f"/api/bulk/{bulk['bulk_id']}").json()["results"]
    assert result["code"] == "new_run"
    assert str(Run.system.get(pk=result["detail"]).retry_of_id) == run_id


def test_a_filter_fixes_the_runs_when_it_is_accepted(operator, five):
    wanted = {"verb": "tag", "filter": {"status": "completed,canceled"}, "reason": "r", "label": "old"}
    bulk = operator.post(URL, wanted).json()
    operator.post(f"/api/runs/{five[0].pk}/cancel")
    finish()
    _, numbers, verdicts = outcome(operator, bulk["bulk_id"])
    assert numbers == (3, 3, 0, 0)
    assert str(five[0].pk) not in verdicts


def test_a_dry_run_counts_and_changes_nothing(operator, five):
    named = [str(run.pk) for run in five] + [str(ids.uuid7())]
    answer = operator.post(f"{URL}?dry_run=1", {"verb": "delete", "ids": named, "reason": "r"})
    found = answer.json()
    assert (answer.status_code, found["status"], found["bulk_id"]) == (200, "dry_run", None)
    assert (found["total"], found["done"], found["skipped"]) == (6, 3, 3)
    assert Bulk.system.count() == 0


def test_runs_that_one_does_not_see_or_may_not_touch(house, api, operator, five):
    elsewhere = runs.queue(house.elsewhere, runs.document({"t": {"type": "terminate"}}))
    hidden = runs.queue(house.tenant, runs.document({"t": {"type": "terminate"}}))
    named = [str(five[0].pk), str(elsewhere.pk), str(hidden.pk), str(ids.uuid7())]
    bulk = api(house.clerk).post(URL, {"verb": "cancel", "ids": named, "reason": "r"}).json()
    finish()
    _, numbers, verdicts = outcome(api(house.clerk), bulk["bulk_id"])
    assert numbers == (4, 1, 0, 3)
    assert {verdicts[run_id] for run_id in named[1:]} == {("skipped", "not_found")}
    assert Run.system.get(pk=elsewhere.pk).status == "created"
    assert api(house.operator).get(f"/api/bulk/{bulk['bulk_id']}").status_code == 200
    assert api(house.stranger).get(f"/api/bulk/{bulk['bulk_id']}").status_code == 404
    other = operator.post(URL, {"verb": "cancel", "ids": named[:1], "reason": "r"}).json()
    assert api(house.clerk).get(f"/api/bulk/{other['bulk_id']}").status_code == 404


def test_rights_are_asked_again_when_it_is_done(house, operator, five):
    bulk = operator.post(URL, {"verb": "cancel", "ids": [str(five[0].pk)], "reason": "r"}).json()
    Membership.system.filter(user=house.operator).delete()
    finish()
    assert BulkItem.objects.get(bulk=bulk["bulk_id"]).code == "permission_denied"
    assert Run.system.get(pk=five[0].pk).status == "paused"


def test_the_rest_of_a_canceled_job_stays_undone(operator, five):
    named = [str(run.pk) for run in five]
    bulk = operator.post(URL, {"verb": "tag", "ids": named, "reason": "r", "label": "x"}).json()["bulk_id"]
    bulk_jobs._do(Bulk.system.get(), bulk_jobs._actor(Bulk.system.get()), BulkItem.objects.order_by("pk").first().pk)
    for _ in range(2):
        assert operator.post(f"/api/bulk/{bulk}/cancel").json()["status"] == "canceled"
    finish()
    status, numbers, _ = outcome(operator, bulk)
    assert (status, numbers) == ("canceled", (5, 1, 0, 4))
    assert Run.system.exclude(labels={}).count() == 1


@pytest.mark.parametrize("when", [1, 3, 5])
def test_a_job_survives_the_death_of_its_worker(operator, five, monkeypatch, when):
    """A worker dies in the middle of a run's turn: that run's turn is undone, the others stand, another goes on."""
    named = [str(run.pk) for run in five]
    bulk = operator.post(URL, {"verb": "tag", "ids": named, "reason": "r", "label": "x"}).json()["bulk_id"]
    real, turns = BulkItem.save, []

    class Died(BaseException):
        pass

    def save(item: BulkItem, **options):
        turns.append(item.pk)
        if len(turns) == when:
            raise Died
        real(item, **options)

    monkeypatch.setattr(BulkItem, "save", save)
    with pytest.raises(Died):
        finish()
    connection.close()
    assert BulkItem.objects.filter(state="done").count() == Run.system.exclude(labels={}).count() == when - 1
    finish()
    assert outcome(operator, bulk)[1] == (5, 5, 0, 0)
    assert AuditEntry.system.filter(action="run.tag").count() == 5


@pytest.mark.parametrize(
    "body",
    [
        {"verb": "cancel", "reason": "r"},
        {"verb": "cancel", "ids": [], "reason": "r"},
        {"verb": "cancel", "ids": ["x"], "reason": "r"},
        {"verb": "cancel", "ids": [str(ids.uuid7())] * 501, "reason": "r"},
        {"verb": "cancel", "ids": [str(ids.uuid7())], "filter": {}, "reason": "r"},
        {"verb": "cancel", "ids": [str(ids.uuid7())]},
        {"verb": "explode", "ids": [str(ids.uuid7())], "reason": "r"},
        {"verb": "cancel", "filter": {"stauts": "failed"}, "reason": "r"},
        {"verb": "cancel", "filter": {"status": "asleep"}, "reason": "r"},
        {"verb": "tag", "ids": [str(ids.uuid7())], "reason": "r"},
        {"verb": "tag", "ids": [str(ids.uuid7())], "reason": "r", "label": ":x"},
    ],
)
def test_requests_that_say_too_little_or_wrong(operator, five, body):
    answer = operator.post(URL, body)
    assert answer.status_code == 422, answer.json()
    assert Bulk.system.count() == 0


def test_viewers_start_none(house, api, five):
    assert api(house.viewer).post(URL, {"verb": "cancel", "ids": [str(five[0].pk)], "reason": "r"}).status_code == 403


def test_the_same_request_twice_is_one_job(operator, five):
    body = {"verb": "tag", "ids": [str(five[0].pk)], "reason": "r", "label": "x"}
    first, again = (operator.post(URL, body, HTTP_IDEMPOTENCY_KEY="k").json() for _ in range(2))
    assert first["bulk_id"] == again["bulk_id"]
    assert Bulk.system.count() == 1
