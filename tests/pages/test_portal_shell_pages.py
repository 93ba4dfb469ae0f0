"""The shell on real requests: who sees which surroundings, what refusals and lost addresses look like."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from langorch.pages.context import shell
from langorch.pages.zone import PersonalZone
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(house):
    house.admin.is_staff = True
    house.admin.save()
    return house.admin


def surroundings(user, address="/"):
    return shell(visit(user, people.actor(user), address))["shell"]


def visit(user, actor=None, address="/"):
    """A request as the middleware hands it to views."""
    request: Any = RequestFactory().get(address)
    request.user, request.actor = user, actor
    return request


def test_log_in_page_stands_alone(browser):
    html = browser().get("/login?next=/approvals/7").content.decode()
    assert "<h1>Log in to LangOrch</h1>" in html
    assert "Nothing has been decided" in html
    assert "<nav" not in html


def test_a_wrong_password_is_told(browser, house):
    html = browser().post("/login", {"username": "operator", "password": "wrong"}).content.decode()
    assert 'role="alert"' in html


def test_the_gallery_is_for_staff(browser, house, staff):
    html = browser(staff).get("/gallery").content.decode()
    assert "Every component in every state" in html
    refused = browser(house.operator).get("/gallery")
    assert refused.status_code == 403
    assert "a superuser of the installation" in refused.content.decode()
    assert browser().get("/gallery").status_code == 302


def test_the_shell_costs_few_queries(browser, staff, django_assert_max_num_queries):
    client = browser(staff)
    with django_assert_max_num_queries(12):
        client.get("/gallery")


def test_a_lost_address_says_so_inside_the_shell(browser, house):
    answer = browser(house.operator).get("/nowhere")
    assert answer.status_code == 404
    html = answer.content.decode()
    assert "There is nothing at this address" in html
    assert 'aria-label="Main"' in html
    assert "<nav" not in browser().get("/nowhere").content.decode()


def test_log_out_takes_a_form(browser, house):
    client = browser(house.operator)
    assert client.get("/logout").status_code == 405
    assert client.post("/logout").status_code == 302
    assert client.get("/approvals/waiting").status_code == 302


def test_the_number_of_waiting_approvals_is_a_page_of_its_own(browser, house):
    html = browser(house.approver).get("/approvals/waiting").content.decode()
    assert re.search(r'^<span id="approvals-waiting" class="count" [^>]*data-version="\d+"', html)


def test_rights_are_nested_by_their_names(house):
    mine = surroundings(house.operator)
    assert mine.can["view"] is True
    assert mine.can["runs"]["start"] is True
    assert mine.can["members"]["admin"] is False
    assert mine.only_approver is False


def test_an_approver_is_only_an_approver(house):
    mine = surroundings(house.approver)
    assert mine.only_approver is True
    assert mine.can["approvals"]["decide"] is True


def test_projects_are_those_a_person_may_see(house):
    assert [one.name for one in surroundings(house.operator).projects] == ["Finance", "Warehouse"]
    assert [one.name for one in surroundings(house.clerk).projects] == ["Finance"]


def test_the_project_of_the_address_is_chosen_only_if_it_is_visible(house):
    chosen = surroundings(house.clerk, f"/?project={house.project.pk}")
    assert chosen.project == house.project
    assert chosen.nav[0][0].url == f"/?project={house.project.pk}"
    assert surroundings(house.clerk, f"/?project={house.other_project.pk}").project is None
    assert surroundings(house.clerk, "/?project=nonsense").project is None


def test_nobody_has_no_surroundings():
    assert shell(visit(AnonymousUser())) == {"shell": None}


@pytest.mark.parametrize(("zone", "seen"), [("Europe/Oslo", "Europe/Oslo"), (None, "UTC")])
def test_time_is_that_of_the_person(house, zone, seen):
    house.viewer.timezone = zone
    answer = PersonalZone(lambda _: HttpResponse(timezone.get_current_timezone_name()))
    assert answer(visit(house.viewer if zone else AnonymousUser())).content.decode() == seen


def test_a_stale_form_is_explained(house):
    client = people.browser(house.operator)
    client.handler.enforce_csrf_checks = True
    answer = client.post("/logout")
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


def test_pages_carry_the_content_policy(browser):
    policy = browser().get("/login").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
