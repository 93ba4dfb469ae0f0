"""Parents and children on the page of a run: each leads to the other, and a parent says which one it waits for."""

import pytest

from tests import html, runs
from tests.children import asks, calls, child_of, ends, made, started

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def parent(house):
    """A run that waits for its child, which asks a person."""
    made(house.operator, "check", {"ask": asks("end"), "end": ends()}, name="Check an invoice")
    nodes = {"call": {**calls("check", next_node="end"), "description": "Check it"}, "end": ends()}
    made(house.operator, "parent", nodes, name="Pay an invoice")
    return runs.drive(started(house.operator, project_id=house.project.pk))


def test_a_parent_says_which_run_it_waits_for_and_leads_there(parent, house, browser):
    page = browser(house.operator).get(f"/runs/{parent.pk}")
    child = child_of(parent)
    assert html.heading(page) == "Waiting for the run check@1.0.0 (waiting approval) that Check it started"
    assert f'href="/runs/{child.pk}">Open the run it waits for' in html.source(page)


def test_its_children_are_listed_with_what_they_wait_for(parent, house, browser):
    page = browser(house.operator).get(f"/runs/{parent.pk}?tab=children")
    text = html.text(html.source(page).split('id="timeline"')[1].split("</section>")[0])
    assert "Subflows" in text
    assert "Check an invoice" in text
    assert "Check it · Waiting for a decision by" in text


def test_a_child_names_its_parent_and_has_no_tab_for_children(parent, house, browser):
    page = browser(house.operator).get(f"/runs/{child_of(parent).pk}")
    assert f'Part of <a href="/runs/{parent.pk}">Pay an invoice</a>' in html.source(page)
    assert "Subflows" not in html.source(page)


def test_events_of_children_are_told_in_words(parent, house, browser):
    text = html.text(html.source(browser(house.operator).get(f"/runs/{parent.pk}?tab=events")))
    assert "Run started by the run" in text
    assert "check @ 1.0.0" in text


def test_relatives_in_the_api(parent, house, api):
    client, child = api(house.operator), child_of(parent)
    body = client.get(f"/api/runs/{child.pk}").json()
    assert (body["parent_run_id"], body["root_run_id"]) == (str(parent.pk), str(parent.pk))
    listed = client.get(f"/api/runs?parent_run_id={parent.pk}").json()
    assert [row["run_id"] for row in listed] == [str(child.pk)]
    told = client.get(f"/api/runs/{parent.pk}/diagnostics").json()["children"]
    expected = {"run_id": str(child.pk), "procedure_id": "check", "status": "waiting_approval", "path": "call"}
    assert told == [expected]
    assert client.get(f"/api/runs/{parent.pk}").json()["waiting_for"]["ref"] == str(child.pk)
    assert api(house.guest).get(f"/api/runs?parent_run_id={parent.pk}").json() == []
