"""The list of runs: filters in words, counts, periods, pages, and what it costs."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from langorch.lib import clock, ids
from orchestration.models import Run, RunJob, SearchValue
from tests import batches, html
from tests.published import publish, purchase

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample(house):
    """A queued run, the pattern of all others."""
    batches.published(house.operator, house.project)
    return batches.start(house.operator, 5, title="Sample")


@pytest.fixture
def more(sample):
    """`more(n, status=…)` stores n copies of the sample, each a second older than the one before."""

    def store(number, status="completed", **fields):
        ended = status in ("completed", "failed", "canceled")
        rows = []
        for count in range(1, number + 1):
            at = fields.get("created_at", sample.created_at) - timedelta(seconds=count)
            values = {name: getattr(sample, name) for name in COPIED} | {"title": f"Copy {count}"} | fields
            values |= {"created_at": at, "updated_at": at, "started_at": at, "ended_at": at if ended else None}
            rows.append(Run(pk=ids.uuid7(), status=status, error={} if status == "failed" else None, **values))
        return Run.system.bulk_create(rows)

    return store


COPIED = (
    "tenant_id",
    "project_id",
    "procedure_id",
    "document_id",
    "procedure_key",
    "procedure_version",
    "document_hash",
    "release_channel",
    "triggered_by",
    "input_vars",
    "last_node_id",
)


@pytest.fixture
def operator(browser, house):
    return browser(house.operator)


def titles(answer):
    return re.findall(r'class="q cut rowlink"[^>]*title="([^"]*)"', html.source(answer))


def tabs(answer):
    """The number on each tab."""
    nav = html.source(answer).split('aria-label="Status"')[1].split("</nav>")[0]
    return dict(re.findall(r">([A-Z][A-Za-z ]+?) <span class=\"count[^>]*>([\d,k+]+)<", nav))


def test_rows_say_what_runs_are_and_what_they_wait_for(operator, sample):
    text = html.words(operator.get("/runs"))
    assert "Queued Sample batch @ 1.0.0" in text
    assert "Waiting for a free worker" in text
    assert "operator" in text


def test_a_run_without_title_is_called_as_its_procedure(operator, house, sample):
    batches.start(house.operator, 5)
    assert titles(operator.get("/runs")) == ["Invoice batch", "Sample"]


def test_the_node_is_named(operator, more):
    more(1, "failed", last_node_id="read_amount", error_class="invalid_value")
    assert "Read the amount" in html.words(operator.get("/runs?status=failed"))


def test_tabs_count_what_the_words_leave(operator, more):
    more(3, "failed")
    more(2, "completed", title="Lamp")
    assert tabs(operator.get("/runs")) | {"All": "6", "Queued": "1", "Failed": "3", "Completed": "2"} == tabs(
        operator.get("/runs")
    )
    narrowed = tabs(operator.get("/runs?f=lamp&status=failed"))
    assert (narrowed["All"], narrowed["Completed"], narrowed["Failed"]) == ("2", "2", "0")


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("status:failed", 2),
        ("status:failed status:completed", 3),
        ("procedure:batch status:completed", 1),
        ("procedure:nothing", 0),
        ("version:1.0.0 by:operator since:7d", 4),
        ("error:invalid_value", 2),
        ("node:post", 1),
        ("waiting:capacity", 1),
        ("copy", 3),
        ('"copy 1"', 2),
        ("COPY status:completed", 1),
    ],
)
def test_words_narrow(operator, more, filter, found):
    more(2, "failed", error_class="invalid_value")
    more(1, "completed", last_node_id="post")
    answer = operator.get("/runs", {"f": filter})
    assert len(titles(answer)) == found
    assert "Not understood" not in html.words(answer)


def test_searchable_variables_narrow(operator, house):
    publish(house.operator, purchase())
    for amount in (5, 50):
        operator.post("/procedures/purchase/1.0.0/start", {"input.item": "lamp", "input.amount": amount})
    assert SearchValue.objects.count() == 2
    assert len(titles(operator.get("/runs", {"f": "var.amount>10"}))) == 1
    assert len(titles(operator.get("/runs", {"f": "var.amount:5"}))) == 1
    assert len(titles(operator.get("/runs", {"f": "var.amount<=50"}))) == 2


def test_words_that_cannot_be_read_are_named_and_the_others_count(operator, more):
    more(2, "failed")
    answer = operator.get("/runs", {"f": "status:broken colour:red since:soon copy"})
    assert answer.status_code == 200
    text = html.words(answer)
    assert "status:broken : there is no status broken" in text
    assert "colour:red : there is no field colour" in text
    assert "since:soon : write a length of time" in text
    assert len(titles(answer)) == 2


def test_a_status_of_the_address_that_is_none_is_named(operator, sample):
    answer = operator.get("/runs?status=nonsense")
    assert "status=nonsense" in html.words(answer)
    assert titles(answer) == ["Sample"]


def test_chips_take_their_word_away(operator, sample):
    answer = operator.get("/runs", {"f": "status:created sample", "status": "created"})
    chips = re.findall(r'<a href="([^"]*)" aria-label="Remove ([^"]*)"', html.source(answer))
    left = {word: parse_qs(urlsplit(url.replace("&amp;", "&")).query)["f"] for url, word in chips}
    assert left == {"status:created": ["sample"], "sample": ["status:created"]}


def test_a_period_is_set_and_taken_back(operator, more):
    more(1, "completed", created_at=clock.now() - timedelta(days=3))
    assert len(titles(operator.get("/runs"))) == 2
    day = operator.get("/runs", {"f": "since:24h"})
    assert len(titles(day)) == 1
    assert re.search(r'href="\?" aria-current="true"', html.source(day))


def test_pages_go_older_and_newer_without_gap_or_repetition(operator, more):
    more(120)
    seen, address = [], "/runs"
    while address:
        answer = operator.get(address)
        seen += titles(answer)
        older = re.search(r'href="([^"]*)" rel="next"', html.source(answer))
        address = "/runs" + older[1].replace("&amp;", "&") if older else ""
    assert seen == ["Sample", *(f"Copy {number}" for number in range(1, 121))]
    newer = re.search(r'href="([^"]*)" rel="prev"', html.source(answer))
    assert titles(operator.get("/runs" + newer[1]))[-1] == "Copy 99"


def test_a_key_that_is_none_shows_the_first_page(operator, sample):
    assert titles(operator.get("/runs?before=nonsense&after=7-x")) == ["Sample"]


def test_a_project_narrows_and_what_is_not_visible_is_not_shown(browser, house, sample):
    publish(house.operator, purchase(), house.other_project)
    client = browser(house.operator)
    client.post("/procedures/purchase/1.0.0/start", {"input.item": "lamp", "input.amount": 5, "title": "Other"})
    assert titles(client.get(f"/runs?project={house.project.pk}")) == ["Sample"]
    assert titles(client.get(f"/runs?project={house.other_project.pk}")) == ["Other"]
    assert titles(browser(house.clerk).get("/runs")) == ["Sample"]
    assert titles(browser(house.clerk).get(f"/runs?project={house.other_project.pk}")) == ["Sample"]
    assert titles(browser(house.guest).get("/runs")) == ["Other"]
    assert titles(browser(house.stranger).get("/runs")) == []


def test_the_project_stays_in_the_links(operator, house, sample):
    answer = operator.get(f"/runs?project={house.project.pk}&f=sample")
    kept = [link for link in html.links(answer) if link.startswith("?") and "status=" in link]
    assert kept
    assert all(f"project={house.project.pk}" in link and "f=sample" in link for link in kept)


def test_empty_lists_say_what_to_do(operator, sample):
    assert "No run matches" in html.words(operator.get("/runs?f=nothing"))
    RunJob.objects.all().delete()
    Run.system.all().delete()
    answer = operator.get("/runs")
    assert "No runs yet" in html.words(answer)
    assert "/procedures" in html.links(answer)


def test_the_search_of_the_head_finds_ids_and_words(operator, sample):
    assert operator.get("/runs", {"q": str(sample.pk)}).url == f"/runs/{sample.pk}"
    assert operator.get("/runs", {"q": "sample & co"}).url == "/runs?f=sample+%26+co"
    unseen = ids.uuid7()
    assert operator.get("/runs", {"q": str(unseen)}).url == f"/runs?f={unseen}"


def test_only_those_who_may_look_see_the_list(browser, house, sample):
    refused = browser(house.approver).get("/runs")
    assert refused.status_code == 403
    assert "You need the permission view" in html.words(refused)
    assert browser().get("/runs").status_code == 302


def test_whoever_may_not_start_has_no_button(browser, house, sample):
    assert "Start a run" in html.words(browser(house.operator).get("/runs"))
    assert "Start a run" not in html.words(browser(house.viewer).get("/runs"))


@pytest.mark.parametrize("who", ["clerk", "viewer", "admin"])
@pytest.mark.parametrize("query", ["", "?f=status:completed+copy&status=completed", "?f=var.amount>3+since:7d"])
def test_the_list_costs_the_same_whatever_its_length(browser, house, more, who, query):
    client = browser(getattr(house, who))
    more(2)
    short = html.queries(client, f"/runs{query}")
    more(70, "waiting_approval")
    more(70)
    long = html.queries(client, f"/runs{query}")
    assert len(long) <= html.MOST_QUERIES, "\n".join(long)
    assert len(long) - len(short) <= 1, "the waits of those that wait"
