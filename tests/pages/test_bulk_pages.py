"""Choosing several runs in their list, what will happen to them, how it goes; and the clean-up page."""

import re
from datetime import timedelta

import pytest

from langorch.lib import clock
from orchestration import bulk_jobs, services
from orchestration.models import Bulk, Run
from tenants.models import AuditEntry
from tests import html, people, runs
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator(browser, house):
    return browser(house.operator)


@pytest.fixture
def three(house) -> list[Run]:
    """A queued, a canceled and a completed run."""
    publish(house.operator, hello("many"), house.project)
    actor = people.actor(house.operator)
    done = services.start_run(actor, services.StartRequest("many", title="Done")).run
    runs.drive(done)
    queued, canceled = (
        services.start_run(actor, services.StartRequest("many", title=t)).run for t in ("Queued", "Off")
    )
    services.cancel_run(actor, canceled)
    return [queued, canceled, done]


def form_of(answer) -> dict[str, list[str]]:
    """The hidden fields of the page's own form."""
    body = html.source(answer).split('<form class="card gapt" method="post"')[1].split("</form>")[0]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', body):
        found.setdefault(name, []).append(value)
    return found


def test_the_list_offers_verbs_to_those_who_may(browser, house, operator, three):
    page = html.source(operator.get("/runs"))
    cans = re.findall(r'data-can="([a-z ]*)">.*?name="run" value="([0-9a-f-]{36})"', page, flags=re.S)
    ended = "retry delete tag"
    assert {run_id: can for can, run_id in cans} == {
        str(three[0].pk): "cancel tag",
        str(three[1].pk): ended,
        str(three[2].pk): ended,
    }
    assert 'action="/runs/bulk"' in page
    assert "Select all that match (3)" in page
    assert "/runs/bulk" not in html.source(browser(house.viewer).get("/runs"))


def test_a_page_says_what_will_happen_and_then_it_does(operator, three):
    chosen = {"verb": "cancel", "run": [str(run.pk) for run in three]}
    asked = operator.post("/runs/bulk", chosen)
    assert asked.status_code == 200
    assert html.heading(asked) == "Cancel 1 run?"
    assert "3 runs chosen." in html.words(asked)
    assert "left out: The run has ended." in html.words(asked)
    assert Bulk.system.count() == 0
    without = operator.post("/runs/bulk", form_of(asked))
    assert without.status_code == 422
    assert "This field is required" in html.words(without)
    started = operator.post("/runs/bulk", form_of(without) | {"reason": "wrong month"}, follow=True)
    assert html.heading(started) == "Cancel 3 runs"
    assert "3 to go" in html.words(started)
    while bulk_jobs.work():
        pass
    ended = operator.get(started.request["PATH_INFO"])
    assert "Finished. 2 done, 1 left out, 0 failed." in html.words(ended)
    assert Run.system.get(pk=three[0].pk).status == "canceled"
    assert AuditEntry.system.filter(action="run.cancel", via="bulk").get().description.endswith("wrong month")


def test_all_that_match_are_chosen_by_the_filter(operator, three):
    page = operator.get("/runs?f=Off&every=1")
    assert "All 1 that match" in html.words(page)
    asked = operator.post("/runs/bulk", {"verb": "tag", "every": "1", "f": "Off", "status": ""})
    assert html.heading(asked) == "Tag 1 run?"
    operator.post("/runs/bulk", form_of(asked) | {"reason": "sorting", "label": "pile:a"})
    bulk_jobs.work()
    assert list(Run.system.exclude(labels={}).values_list("pk", "labels")) == [(three[1].pk, {"pile": "a"})]


def test_a_number_that_changed_meanwhile_is_told_again(operator, house, three):
    asked = operator.post("/runs/bulk", {"verb": "delete", "every": "1", "status": "completed"})
    runs.drive(three[0])
    again = operator.post("/runs/bulk", form_of(asked) | {"reason": "r"})
    assert again.status_code == 422
    assert html.heading(again) == "Delete 2 runs?"
    assert Bulk.system.count() == 0
    assert operator.post("/runs/bulk", form_of(again) | {"reason": "r"}).status_code == 302


def test_nothing_chosen_and_verbs_that_are_none(operator, three):
    assert operator.post("/runs/bulk", {"verb": "cancel"}).status_code == 422
    assert operator.post("/runs/bulk", {"verb": "explode", "run": str(three[0].pk)}).status_code == 422
    assert operator.post("/runs/bulk", {"verb": "cancel", "run": "x"}).status_code == 422
    assert operator.post("/runs/bulk", {"verb": "delete", "every": "1", "f": "colour:red"}).status_code == 422
    assert operator.get("/runs/bulk").status_code == 405


def test_the_rest_can_be_stopped(operator, three):
    asked = operator.post("/runs/bulk", {"verb": "cancel", "run": str(three[0].pk)})
    page = operator.post("/runs/bulk", form_of(asked) | {"reason": "r"}, follow=True)
    stopped = operator.post(page.request["PATH_INFO"] + "/cancel", follow=True)
    assert "Stopped. 0 done, 1 left out" in html.words(stopped)
    assert Run.system.get(pk=three[0].pk).status == "created"


def test_the_clean_up_counts_before_it_deletes(browser, house, operator, three):
    assert operator.get("/runs/cleanup").status_code == 403
    admin = browser(house.admin)
    assert html.heading(admin.get("/runs/cleanup")) == "Clean up runs"
    Run.system.filter(pk=three[2].pk).update(ended_at=clock.now() - timedelta(days=9))
    address = f"/runs/cleanup?before={(clock.now() - timedelta(days=2)).date().isoformat()}&status="
    counted = admin.get(address)
    assert "1 run ended before" in html.words(counted)
    assert admin.post(address, {"confirmed": "1", "reason": " "}).status_code == 422
    assert admin.post(address, {"confirmed": "7", "reason": "r"}).status_code == 422
    assert Run.system.count() == 3
    done = admin.post(address, {"confirmed": "1", "reason": "spring"}, follow=True)
    assert "1 run deleted." in html.words(done)
    assert Run.system.count() == 2
    assert admin.get("/runs/cleanup?before=soon").status_code == 422
