"""The shell around pages, for several people; every component in the gallery."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django import forms
from django.template import loader
from django.test import RequestFactory, override_settings
from django.urls import path

from langorch.lib import clock
from langorch.pages import gallery, navigation

NOBODY = False
RIGHTS = {"edit": True, "admin": True, "mailbox": True}
urlpatterns = [path("logout", gallery.show, name="logout")]


def shell(address: str = "/runs", *, only_approver: bool = False, waiting: int = 3) -> SimpleNamespace:
    projects = [SimpleNamespace(pk="p1", name="Accounts payable"), SimpleNamespace(pk="p2", name="Procurement")]
    return SimpleNamespace(
        tenant=SimpleNamespace(name="Halden Group"),
        projects=projects,
        project=projects[0],
        approvals_waiting=waiting,
        approvals_version=7,
        only_approver=only_approver,
        nav=navigation.groups(address, "", RIGHTS, waiting),
    )


def drawn(template: str, address: str = "/runs", query: str = "", surroundings=None, **content) -> str:
    user = SimpleNamespace(get_username="ines", get_full_name="Ines Halvorsen", get_short_name="Ines")
    request = RequestFactory().get(f"{address}?{query}")
    around = {
        "request": request,
        "user": user,
        "csrf_token": "token",
        "shell": shell(address) if surroundings is None else surroundings,
    }
    with override_settings(ROOT_URLCONF=__name__), clock.use(clock.FixedClock(datetime(2026, 11, 20, tzinfo=UTC))):
        return loader.render_to_string(template, {**around, **content})


@dataclass(frozen=True)
class Told:
    """A message of Django's, as templates see it."""

    level_tag: str
    text: str

    def __str__(self) -> str:
        return self.text


@pytest.fixture(scope="module")
def every_component() -> str:
    content = gallery._content(datetime(2026, 11, 20, tzinfo=UTC))
    return drawn("portal/gallery.html", "/gallery", messages=[Told("success", "Done")], **content)


def test_the_page_itself_is_marked_in_the_navigation():
    html = drawn("404.html", "/procedures/p/1.0.0")
    assert re.findall(r'href="([^"]+)" aria-current="page"', html) == ["/procedures", "/procedures"]


def test_the_first_page_is_marked_on_itself_only():
    groups = navigation.groups("/", "", RIGHTS, 0)
    assert [link.url for group in groups for link in group if link.current] == ["/"]


def test_pages_without_a_right_are_not_shown():
    nobody = {"edit": False, "admin": False, "mailbox": False}
    shown = [link.label for group in navigation.groups("/", "?project=7", nobody, 0) for link in group]
    assert shown == ["Now", "Approvals", "Runs", "Procedures"]


def test_links_keep_the_project():
    first = navigation.groups("/", "?project=7", RIGHTS, 0)[0]
    assert [link.url for link in first] == ["/?project=7", "/approvals?project=7", "/runs?project=7"]


def test_switching_the_project_keeps_the_page_and_its_filter():
    html = drawn("404.html", query="status=failed&before=x&project=p1")
    assert 'href="?status=failed&amp;project=p2"' in html
    assert 'href="?status=failed"' in html


def test_an_approver_has_approvals_and_no_navigation():
    html = drawn("404.html", surroundings=shell(only_approver=True))
    assert "<nav" not in html
    assert 'role="search"' not in html
    assert 'href="/approvals"' in html
    assert 'href="/runs' not in html


@pytest.mark.parametrize(("waiting", "classes"), [(0, "count"), (3, "count hot")])
def test_waiting_approvals_are_announced(waiting, classes):
    html = drawn("404.html", surroundings=shell(waiting=waiting))
    assert re.search(rf'<span aria-live="polite"><span id="approvals-waiting" class="{classes}"[^>]*>{waiting}<', html)


def test_what_failed_is_a_banner_and_the_rest_a_toast():
    told = [Told("error", "The run has ended"), Told("success", "<b>Queued</b>")]
    html = drawn("404.html", messages=told)
    assert re.search(r'class="note bad banner" role="alert">.*The run has ended', html)
    assert re.search(r'class="note toast ok">.*&lt;b&gt;Queued', html)


def test_a_refusal_names_the_permission_and_who_grants_it():
    html = drawn("403.html", detail="No", permission="runs.operate", granted_by="Priya Nair")
    assert "<code>runs.operate</code>" in html
    assert "<dd>Priya Nair</dd>" in html


def test_error_pages_stand_without_a_person():
    assert "<h1>Something broke on our side</h1>" in drawn("500.html", surroundings=NOBODY)
    assert "<h1>There is nothing at this address</h1>" in drawn("404.html", surroundings=NOBODY)


def test_a_refusal_says_where_and_how_to_go_on():
    place = SimpleNamespace(field="limit", message="is above 50", hint="Take 50 or less.", pointer="/limit")
    html = drawn("refused.html", detail="Nothing was <saved>.", code="invalid_input", places=[place])
    assert "Nothing was &lt;saved&gt;." in html
    assert "<b>limit</b>: is above 50" in html
    assert "Take 50 or less." in html
    assert "<code>invalid_input</code>" in html


def test_log_in_says_that_nothing_was_decided():
    form = forms.Form()
    assert "Nothing has been decided" in drawn("registration/login.html", form=form, next="/approvals/7")
    assert "Nothing has been decided" not in drawn("registration/login.html", form=form, next="/runs")


def test_a_confirmation_repeats_the_verb_and_asks_for_a_reason():
    form = type("Reason", (forms.Form,), {"reason": forms.CharField(label="Reason")})
    rows = [{"kind": "run", "status": "failed", "name": "Batch <1>", "what": "has ended", "left_out": True}]
    html = drawn(
        "portal/confirm.html",
        title="Cancel 1 of 2 runs?",
        verb="Cancel 1 run",
        back_url="/runs",
        rows=rows,
        form=form(),
    )
    assert '<button class="btn stop">Cancel 1 run</button>' in html
    assert 'name="reason"' in html
    assert "Batch &lt;1&gt;" in html
    assert "left out: has ended" in html


def test_fields_tie_their_hint_and_error_to_the_input(every_component):
    refused = re.search(r'<input type="text"[^>]*value="75000"|<input[^>]*value="ap-halden"[^>]*>', every_component)
    assert refused is not None
    assert 'aria-invalid="true"' in refused.group()
    named = re.findall(r'aria-describedby="([^"]+)"', refused.group())
    assert all(f'id="{name}"' in every_component for name in named[0].split())


def test_no_style_attribute_and_no_inline_script(every_component):
    assert not re.search(r"<[^>]+\sstyle=", every_component)
    assert not re.search(r"<[^>]+\son[a-z]+=", every_component)
    assert not re.search(r"<script(?![^>]*\ssrc=)", every_component)
    assert "<style" not in every_component


def test_each_id_of_the_shell_stands_once(every_component):
    ids = Counter(re.findall(r'\sid="([^"]+)"', every_component))
    forms_twice = {name for name in ids if name.startswith("id_")}
    assert [name for name, times in ids.items() if times > 1 and name not in forms_twice] == []


def test_every_picture_is_hidden_or_named(every_component):
    for tag in re.findall(r"<svg[^>]*>", every_component):
        assert 'aria-hidden="true"' in tag or "aria-label=" in tag
