"""Every table is in the admin: listed, searched, filtered, at a price that does not grow, for its own people only."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse

from approvals.models import Approval
from langorch.admin_site import ADMIN_POLICY
from orchestration.models import Artifact, Run
from procedures.models import Procedure, ProcedureVersion
from tests.admin.conftest import Fill
from tests.people import Browsers, House

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
OURS = {"tenants", "approvals", "agents", "procedures", "orchestration", "langorch"}
OF_THE_INSTALLATION = {
    "tenants.LoginAttempt",
    "tenants.UsedTicket",
    "langorch.Leadership",
    "orchestration.SpaceProbe",
    "auth.Group",
}
MOST_QUERIES = 14
TENANT = {"tenant__slug": "elsewhere"}
RECORDS = ["Event", "Visit", "StepRecord", "Wait", "Snapshot", "SearchValue"]
BELONGS_TO_STRANGERS = {
    "tenants.Tenant": {"slug": "elsewhere"},
    "tenants.User": {"username": "stranger"},
    "orchestration.BulkItem": {"bulk__tenant__slug": "elsewhere"},
    **{f"orchestration.{name}": {"run__tenant__slug": "elsewhere"} for name in RECORDS},
}
"""How a row is told that people of the other tenant may see."""


@dataclass(frozen=True)
class Cost:
    """How many rows a list showed, and how many queries that took."""

    rows: int
    queries: int


def labels(models: list[type[Model]]) -> list[str]:
    return [model._meta.label for model in models]


def changelist(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def change(model: type[Model], pk: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def cost(client: Client, address: str) -> Cost:
    with CaptureQueriesContext(connection) as counted:
        rows = len(shown(client, address).result_list)
    return Cost(rows, len(counted))


def shown(client: Client, address: str) -> Any:
    """The list as the admin made it."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.content[:500]
    return answer.context["cl"]


def test_every_model_of_ours_is_registered() -> None:
    missing = [model._meta.label for model in apps.get_models() if model._meta.app_label in OURS]
    assert sorted(set(missing) - set(labels(MODELS))) == []


def test_every_list_can_be_searched_and_narrowed() -> None:
    shapes = admin.site._registry
    assert [model._meta.label for model in MODELS if not shapes[model].search_fields] == []
    assert [model._meta.label for model in MODELS if not shapes[model].date_hierarchy] == ["auth.Group"]


def test_lists_cost_the_same_whatever_their_length(house: House, fill: Fill, browser: Browsers) -> None:
    client = browser(house.platform)
    fill(2)
    few = {model._meta.label: cost(client, changelist(model)) for model in MODELS}
    fill(3)
    many = {model._meta.label: cost(client, changelist(model)) for model in MODELS}
    assert [label for label in few if few[label].rows >= many[label].rows] == []
    assert {label: few[label].queries for label in few} == {label: many[label].queries for label in many}
    assert {label: one.queries for label, one in many.items() if one.queries > MOST_QUERIES} == {}


def test_search_filters_and_rows_answer(house: House, fill: Fill, browser: Browsers) -> None:
    fill(1)
    client = browser(house.platform)
    for model in MODELS:
        listed = shown(client, f"{changelist(model)}?q=purchase")
        for spec in listed.filter_specs:
            for choice in list(spec.choices(listed))[:4]:
                assert client.get(changelist(model) + choice["query_string"]).status_code == 200
        row = shown(client, changelist(model)).result_list[0]
        assert client.get(change(model, row.pk)).status_code == 200


def test_people_of_another_tenant_see_nothing(house: House, fill: Fill, browser: Browsers) -> None:
    fill(1)
    client = browser(house.stranger)
    for model in MODELS:
        answer = client.get(changelist(model))
        if model._meta.label in OF_THE_INSTALLATION:
            assert answer.status_code == 403
            continue
        rows = model._default_manager.exclude(**BELONGS_TO_STRANGERS.get(model._meta.label, TENANT))
        assert {row.pk for row in answer.context["cl"].result_list} & set(rows.values_list("pk", flat=True)) == set()
        assert rows
        for row in rows[:2]:
            assert client.get(change(model, row.pk)).status_code in (302, 404)


@pytest.mark.parametrize(
    ("person", "status"), [("viewer", 403), ("approver", 403), ("guest", 403), ("operator", 200), ("admin", 200)]
)
def test_operators_and_administrators_enter(person: str, status: int, house: House, browser: Browsers) -> None:
    assert browser(getattr(house, person)).get("/admin/").status_code == status


def test_nobody_is_sent_to_the_portals_login(browser: Browsers, db: None) -> None:
    answer = browser().get("/admin/orchestration/run/", follow=True)
    assert answer.redirect_chain[-1][0] == "/login?next=/admin/orchestration/run/"


def test_operators_see_no_people_and_no_audit_trail(house: House, browser: Browsers) -> None:
    client = browser(house.operator)
    for name in ("tenants_user", "tenants_membership", "tenants_auditentry", "tenants_accesstoken"):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403


def test_admin_pages_forbid_inline_scripts_and_say_so_once(house: House, browser: Browsers) -> None:
    answer = browser(house.admin).get("/admin/")
    assert answer.headers["Content-Security-Policy"] == ADMIN_POLICY
    assert "script-src 'self' 'unsafe-eval';" in ADMIN_POLICY
    assert b"<script>" not in answer.content
    assert b"<style" not in answer.content


@pytest.mark.parametrize(
    ("model", "page"), [(Run, "run"), (Approval, "approval"), (ProcedureVersion, "version"), (Procedure, "procedure")]
)
def test_admin_and_portal_lead_to_each_other(
    model: type[Model], page: str, house: House, fill: Fill, browser: Browsers
) -> None:
    fill(1)
    client = browser(house.operator)
    row = model._default_manager.get()
    there = change(model, row.pk)
    here = client.get(there).context["absolute_url"]
    assert resolve(here).url_name == page
    if page != "procedure":
        assert there in client.get(here).content.decode()


def test_an_artifact_leads_to_what_the_portal_shows_of_it(house: House, fill: Fill, browser: Browsers) -> None:
    fill(1)
    client = browser(house.operator)
    here = client.get(change(Artifact, Artifact.system.get().pk)).context["absolute_url"]
    assert "is kept as a link; nothing was fetched." in client.get(here).content.decode()
