"""The first screen: first steps while nothing runs, then what needs a person, and how things stand."""

import re
from datetime import timedelta

import pytest

from langorch.lib import clock, ids
from orchestration import services
from orchestration.models import Run
from tests import batches, html, people
from tests.documents import hello
from tests.published import draft, publish, purchase
from tests.questions import question

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(browser, house):
    return browser(house.operator)


def ended(run, status, at, **fields):
    """A copy of `run` that ended."""
    values = {
        field.name: getattr(run, field.name)
        for field in Run._meta.fields
        if field.name not in ("id", "parent_run", "root_run")
    }
    error = {"message": "No"} if status == "failed" else None
    values |= {"status": status, "created_at": at, "started_at": at, "ended_at": at, "updated_at": at, "error": error}
    return Run.system.create(pk=ids.uuid7(), **values | fields)


def tiles(answer):
    """The figures by their names."""
    found = re.findall(r'<div><small class="muted">([^<]*)</small><br><b class="[^"]*">(\d+)</b>', html.source(answer))
    return {name: int(number) for name, number in found}


def test_an_empty_house_begins_with_an_import(operator):
    answer = operator.get("/")
    assert html.heading(answer) == "Nothing is here yet. Three steps show you everything."
    assert "/import" in html.links(answer)
    assert "Import a procedure first" in html.words(answer)


def test_with_a_procedure_the_next_step_is_a_run(operator, house):
    draft(house.operator, hello())
    answer = operator.get("/")
    assert html.heading(answer) == "Nothing runs here yet. Two steps show you everything."
    assert "Choose a procedure" in html.words(answer)
    assert "Start a run first" in html.words(answer)


def test_with_the_sample_it_is_the_sample(operator, house):
    publish(house.operator, purchase() | {"procedure_id": "invoice"})
    answer = operator.get("/")
    assert "/procedures/invoice/1.0.0/start?fill=examples" in html.links(answer)


def test_whoever_may_only_look_is_told_who_can_start(browser, house):
    draft(house.operator, hello())
    answer = browser(house.viewer).get("/")
    assert "An operator can start it" in html.words(answer)
    assert not [link for link in html.links(answer) if "start" in link or "import" in link]


def test_an_approver_sees_the_inbox(browser, house):
    assert browser(house.approver).get("/").url == "/approvals"
    assert browser().get("/").url == "/login?next=/"


def test_nothing_needs_a_person(operator, house):
    batches.published(house.operator)
    batches.start(house.operator, 5)
    answer = operator.get("/")
    assert html.heading(answer) == "Nothing needs a person. Everything is moving."
    assert tiles(answer) == {
        "Queued": 1,
        "Running": 0,
        "Waiting": 0,
        "Started, 24 h": 1,
        "Completed, 24 h": 0,
        "Failed, 24 h": 0,
    }
    assert "batch 1.0.0 to dev" in html.words(answer)


def test_failed_runs_and_questions_of_others_are_things(operator, house):
    batches.published(house.operator)
    run = batches.start(house.operator, 5)
    now = clock.now()
    for hours in (1, 2):
        ended(run, "failed", now - timedelta(hours=hours), error_class="x")
    ended(run, "failed", now - timedelta(days=8), error_class="x")
    question(house.tenant, house.project, house.operator)
    answer = operator.get("/")
    assert html.heading(answer) == "Three things need a person. Everything else is moving."
    text = html.words(answer)
    assert "2 failed runs in 7 days oldest 2 h" in text
    assert "1 run waits for a decision of others" in text
    (failed,) = [link for link in html.links(answer) if link.startswith("/runs?status=failed")]
    assert html.source(operator.get(failed)).count("rowlink") == 2


def test_a_failed_run_that_was_retried_needs_nobody(operator, house):
    batches.published(house.operator)
    run = batches.start(house.operator, 5)
    failed = ended(run, "failed", clock.now() - timedelta(hours=1), error_class="x")
    services.retry_run(people.actor(house.operator), failed, mode="start")
    assert html.heading(operator.get("/")) == "Nothing needs a person. Everything is moving."


def test_questions_for_me_come_first_with_their_due_time(browser, house):
    batches.published(house.operator)
    batches.start(house.operator, 5)
    for minutes in (50, 90):
        question(house.tenant, house.project, house.operator, expires_at=clock.now() + timedelta(minutes=minutes))
    answer = browser(house.platform).get("/")
    assert answer.status_code == 200
    people_role = browser(people.make_person("both", ("viewer", house.tenant), ("approver", house.tenant)))
    answer = people_role.get("/")
    assert html.heading(answer) == "Two things need a person. Everything else is moving."
    text = html.words(answer)
    assert "2 approvals for you" in text
    assert re.search(r"due in (49|50) min", text)
    assert "decision of others" not in text


def test_figures_stand_against_last_week(standing_clock, operator, house):
    batches.published(house.operator)
    run = batches.start(house.operator, 5)
    week_ago = clock.now() - timedelta(days=7)
    for hours in (1, 5, 22):
        ended(run, "completed", week_ago - timedelta(hours=hours))
    ended(run, "completed", week_ago + timedelta(hours=1))
    for hours in (1, 23):
        ended(run, "completed", clock.now() - timedelta(hours=hours))
    ended(run, "completed", clock.now() - timedelta(hours=25))
    answer = operator.get("/")
    assert tiles(answer)["Completed, 24 h"] == 2
    assert tiles(answer)["Started, 24 h"] == 3
    assert "Completed, 24 h 2 last week 3" in html.words(answer)


def test_the_latest_runs_say_how_they_are(operator, house):
    batches.published(house.operator)
    batches.start(house.operator, 5, title="Batch of Monday")
    text = html.words(operator.get("/"))
    assert "Queued Batch of Monday batch Waiting for a free worker" in text


def test_a_project_narrows_everything(operator, house):
    batches.published(house.operator, house.project)
    publish(house.operator, purchase(), house.other_project)
    run = batches.start(house.operator, 5)
    ended(run, "failed", clock.now() - timedelta(hours=1), error_class="x")
    mine = operator.get(f"/?project={house.project.pk}")
    assert html.heading(mine).startswith("One thing needs a person.")
    assert "Acme, Finance" in html.words(mine)
    assert "purchase" not in html.words(mine)
    assert f"/runs?status=failed&f=since%3A7d&project={house.project.pk}" in html.links(mine)
    other = operator.get(f"/?project={house.other_project.pk}")
    assert html.heading(other).startswith("Nothing runs here yet.")


def test_what_may_not_be_seen_is_not_counted(browser, house):
    batches.published(house.operator, house.project)
    batches.start(house.operator, 5)
    for name in ("guest", "stranger"):
        assert "batch" not in html.words(browser(getattr(house, name)).get("/")), name


def test_the_screen_is_live(operator, house):
    batches.published(house.operator)
    batches.start(house.operator, 5)
    found = html.source(operator.get("/"))
    versions = re.findall(r'data-section="runs:(?:head|now)" data-version="(\d+)"', found)
    assert len(set(versions)) == 1
    assert len(versions) == 2
    assert int(versions[0]) > 0


@pytest.mark.parametrize("who", ["clerk", "viewer", "admin"])
def test_the_screen_costs_few_queries_whatever_happens(browser, house, who):
    batches.published(house.operator, house.project)
    run = batches.start(house.operator, 5)
    client = browser(getattr(house, who))
    short = html.queries(client, "/")
    for hours in range(1, 30):
        ended(run, "failed", clock.now() - timedelta(hours=hours), error_class="x")
        question(house.tenant, house.project, house.operator)
    long = html.queries(client, "/")
    assert len(long) <= html.MOST_QUERIES, "\n".join(long)
    assert len(long) - len(short) <= 1, "the waits of those that wait"
