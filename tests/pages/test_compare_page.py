"""Two runs side by side, on a page and over REST."""

import pytest

from tests import batches, html
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def good(house):
    batches.published(house.operator, house.project)
    return batches.driven(house.clerk, 5, 7, title="Good one")


@pytest.fixture
def failed(house, good):
    return batches.driven(house.clerk, 5, "12,0", title="Bad one")


@pytest.fixture
def clerk(browser, house):
    return browser(house.clerk)


def address(run, other):
    return f"/runs/{run.pk}/compare/{other.pk}"


def test_a_failed_run_is_one_click_from_the_last_good_one(failed, good, clerk):
    answer = clerk.get(f"/runs/{failed.pk}")
    assert address(failed, good) in html.links(answer)
    assert "Trying again as it is would end the same way." in html.words(answer)
    assert f"/runs/{failed.pk}/fork?path=each%5B1%5D%2Fread_amount" in html.links(answer)


def test_the_page_says_where_they_part(failed, good, clerk):
    answer = clerk.get(address(failed, good))
    assert html.heading(answer) == "They part at Each invoice 2 › Read the amount"
    text = html.words(answer)
    assert "Each invoice 2 › Read the amount failed: invalid_value on to Above the limit?" in text
    assert "Each invoice 2 › Above the limit? never there on to Post it" in text
    assert "Each invoice 2 › Read the amount, convert failed: invalid_value completed" in text
    assert '"total" : "12,0"' in text.replace('":', '" :')
    assert "Start and log on to" not in text
    everything = html.words(clerk.get(address(failed, good) + "?all=1"))
    assert "Start and log on to Each invoice on to Each invoice" in everything
    assert batches.TOKEN not in html.source(answer)
    assert "redacted" in html.source(clerk.get(address(failed, good) + "?all=1"))


def test_a_run_is_like_itself(good, clerk):
    answer = clerk.get(address(good, good))
    assert html.heading(answer) == "They went the same way"
    assert html.words(answer).count("No difference") == 5


def test_other_versions_are_told(house, good, clerk):
    publish(house.operator, batches.batch("1.1.0", name="Other"), house.project)
    newer = batches.driven(house.clerk, 5, 7, procedure_version="1.1.0")
    assert "The two runs are of different documents" in html.words(clerk.get(address(good, newer)))


def test_over_rest(failed, good, house, api):
    found = api(house.viewer).get(f"/api/runs/{failed.pk}/compare/{good.pk}").json()
    assert set(found) == {"path", "variables", "outputs", "steps", "timings", "cost", "versions"}
    places = {place["path"]: place for place in found["path"]}
    assert places["start_log"]["same"]
    assert places["each[1]/read_amount"]["run"]["error_class"] == "invalid_value"
    assert places["each[1]/post"]["run"] is None
    assert {one["name"]: one["same"] for one in found["variables"]} == {
        "invoices": False,
        "approval_limit": True,
        "token": True,
        "amount": False,
    }
    assert batches.TOKEN not in str(found)
    assert {one["name"]: one["missing_in"] for one in found["outputs"]} == {"posted": "run", "token": "run"}
    assert found["versions"]["same_document"] is True
    assert found["versions"]["run"]["status"] == "failed"
    assert [node["node_id"] for node in found["timings"]["nodes"]][:2] == ["start_log", "each"]


def test_both_must_be_visible(failed, good, house, browser, api):
    elsewhere = batches.published
    elsewhere(house.stranger)
    theirs = batches.driven(house.stranger, 1)
    for one, other in ((failed, theirs), (theirs, failed)):
        assert browser(house.clerk).get(address(one, other)).status_code == 404
        assert browser(house.stranger).get(address(one, other)).status_code == 404
        assert api(house.clerk).get(f"/api/runs/{one.pk}/compare/{other.pk}").status_code == 404
    assert api(house.clerk).get(f"/api/runs/{good.pk}/compare/nonsense").status_code == 404
    assert browser(house.judge).get(address(failed, good)).status_code == 403
    assert browser(house.guest).get(address(failed, good)).status_code == 404


def test_the_page_costs_few_queries(failed, good, clerk):
    found = html.queries(clerk, address(failed, good))
    assert len(found) <= html.MOST_QUERIES, "\n".join(found)
