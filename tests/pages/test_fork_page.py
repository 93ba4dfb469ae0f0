"""Forking a run on its page: where, with which variables, and why; all without scripts."""

import re

import pytest

from orchestration.models import Run
from tenants.models import AuditEntry
from tests import batches, html, runs
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)

WHERE = "each[1]/read_amount"
SECRET = batches.TOKEN


@pytest.fixture
def failed(house):
    """A run that failed at its second invoice."""
    batches.published(house.operator, house.project)
    return batches.driven(house.clerk, 5, "12,0", 7, title="Batch of 21 November")


@pytest.fixture
def clerk(browser, house):
    return browser(house.clerk)


def address(run, path=""):
    return f"/runs/{run.pk}/fork" + (f"?path={path}" if path else "")


def texts(answer):
    """What stands in the fields, by the names of the variables."""
    found = re.findall(r'name="var\.(\w+)"[^>]*>\n(.*?)</textarea>', html.source(answer), flags=re.S)
    return {name: html.text(value) for name, value in found}


def test_a_run_leads_to_its_fork(failed, clerk):
    assert address(failed) in html.links(clerk.get(f"/runs/{failed.pk}"))
    answer = clerk.get(address(failed))
    assert html.heading(answer) == "Fork from which step?"
    assert "Each invoice 2 › Read the amount" in html.words(answer)
    assert "?path=each%5B1%5D%2Fread_amount" in html.links(answer)
    nowhere = clerk.get(address(failed, "each[7]/post"))
    assert "The run was never there." in html.words(nowhere)


def test_the_variables_are_those_before_the_visit(failed, clerk):
    answer = clerk.get(address(failed, WHERE))
    assert html.heading(answer) == "Fork before Each invoice 2 › Read the amount"
    shown = texts(answer)
    assert shown["amount"] == "5"
    assert shown["approval_limit"] == "100"
    assert shown["token"] == ""
    assert "masked; leave it empty to keep it" in html.source(answer)
    assert f'"{SECRET}"' not in html.source(answer)
    assert "invoice belongs to the iteration and cannot be changed" in html.words(answer)


def test_a_fork_goes_on_with_what_was_edited(failed, clerk):
    given = {"path": "each", "var.invoices": '[{"id": "INV-9", "total": 3}]', "var.approval_limit": "100"}
    answer = clerk.post(address(failed), given | {"var.token": "", "reason": "The comma was wrong"}, follow=True)
    new = Run.system.exclude(pk=failed.pk).get()
    assert answer.redirect_chain[-1][0] == f"/runs/{new.pk}"
    assert new.forked_from_id == failed.pk
    assert runs.drive(new).status == "completed"
    assert Run.system.get(pk=new.pk).output_vars == {"posted": 1, "token": SECRET}
    told = AuditEntry.objects.get(action="run.fork")
    assert told.description.endswith("The comma was wrong")
    page = clerk.get(f"/runs/{new.pk}")
    assert f"/runs/{failed.pk}" in html.links(page)


def test_what_does_not_fit_comes_back_beside_its_field(failed, clerk):
    given = {"path": WHERE, "var.amount": "12,0", "var.approval_limit": '"much"', "reason": ""}
    answer = clerk.post(address(failed), given)
    assert answer.status_code == 422
    assert "amount: This is not JSON" in html.words(answer)
    assert "This field is required." in html.words(answer)
    assert texts(answer)["approval_limit"] == '"much"'
    refused = clerk.post(address(failed), given | {"var.amount": "12", "reason": "Try"})
    assert refused.status_code == 422
    assert "approval_limit" in html.words(refused)
    assert "must be a number" in html.words(refused)
    masked = clerk.post(address(failed), {"path": WHERE, "var.token": '"***REDACTED***"', "reason": "Try"})
    assert "still holds a masked value" in html.words(masked)
    assert Run.system.count() == 1


def test_another_version_may_be_taken(failed, house, clerk):
    publish(house.operator, batches.batch("1.1.0"), house.project)
    assert '<option value="1.1.0"' in html.source(clerk.get(address(failed, WHERE)))
    given = {"path": WHERE, "procedure_version": "1.1.0", "reason": "The new one"}
    clerk.post(address(failed), given)
    assert Run.system.exclude(pk=failed.pk).get().procedure_version == "1.1.0"
    unknown = clerk.post(address(failed), given | {"procedure_version": "9.9.9"})
    assert unknown.status_code in (404, 422)
    assert Run.system.count() == 2


def test_a_run_at_work_is_not_forked(failed, clerk):
    clerk.post(f"/runs/{failed.pk}/retry", {"mode": "failed_step"})
    shown = clerk.get(address(failed))
    assert "The run is at work or queued" in html.words(shown)
    assert clerk.post(address(failed), {"path": WHERE, "reason": "x"}).status_code == 409


def test_who_may_fork(failed, house, browser):
    for method in ("get", "post"):
        assert getattr(browser(house.viewer), method)(address(failed)).status_code == 403
        assert getattr(browser(house.stranger), method)(address(failed)).status_code == 404
    assert Run.system.count() == 1


def test_the_page_costs_few_queries(failed, clerk):
    for path in ("", WHERE):
        found = html.queries(clerk, address(failed, path))
        assert len(found) <= html.MOST_QUERIES, "\n".join(found)
