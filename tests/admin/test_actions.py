"""Deeds in the admin: by the services everybody uses, for people who may, with a reason where something ends."""

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from orchestration import services as runs
from orchestration.models import Run
from procedures.models import ProcedureVersion
from tenants.auth import tokens
from tenants.choices import Role
from tenants.models import AuditEntry, Membership, Project, Tenant, User
from tests import people, published
from tests.people import Browsers, House

STRONG = "nine-green-kettles-whistle"


def press(client: Client, table: str, action: str, *rows: Any, **more: str) -> HttpResponse:
    """Press an action of a list for `rows`."""
    data = {"action": action, ACTION_CHECKBOX_NAME: [str(row.pk) for row in rows], **more}
    return client.post(reverse(f"admin:{table}_changelist"), data)


def said(answer: HttpResponse) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.fixture
def version(house: House) -> ProcedureVersion:
    return published.publish(house.operator, published.purchase(), house.project)


@pytest.fixture
def run(house: House, version: ProcedureVersion) -> Run:
    request = runs.StartRequest(procedure_id="purchase", input_vars={"item": "desk", "amount": 100})
    return runs.start_run(people.actor(house.operator), request).run


def test_cancelling_asks_for_a_reason_first(house: House, run: Run, browser: Browsers) -> None:
    client = browser(house.operator)
    asked = press(client, "orchestration_run", "cancel", run)
    assert asked.status_code == 200
    assert b"Cancel 1" in asked.content
    without = press(client, "orchestration_run", "cancel", run, confirmed="1", reason=" ")
    assert b"A reason is needed" in without.content
    assert Run.system.get().status == "created"

    done = press(client, "orchestration_run", "cancel", run, confirmed="1", reason="ordered twice")
    assert said(done) == ["Cancel: 1 done"]
    assert Run.system.values_list("status", "cancel_reason", "canceled_by").get() == (
        "canceled",
        "ordered twice",
        "operator",
    )
    assert AuditEntry.system.get(action="run.cancel").actor == "operator"


def test_what_a_service_refuses_is_said_per_row(house: House, run: Run, browser: Browsers) -> None:
    answer = press(browser(house.operator), "orchestration_run", "retry", run, confirmed="1", reason="try again")
    (sentence,) = said(answer)
    assert str(run) in sentence
    assert Run.system.count() == 1


def test_a_canceled_run_is_retried(house: House, run: Run, browser: Browsers) -> None:
    runs.cancel_run(people.actor(house.operator), run, "by mistake")
    answer = press(browser(house.operator), "orchestration_run", "retry", run, confirmed="1", reason="it was right")
    assert said(answer) == ["Retry: 1 done"]
    assert Run.system.get().status == "created"


def test_ended_runs_are_deleted_and_open_ones_are_not(house: House, run: Run, browser: Browsers) -> None:
    client = browser(house.operator)
    (refused,) = said(press(client, "orchestration_run", "delete_runs", run, confirmed="1", reason="a trial"))
    assert "has not ended" in refused
    runs.cancel_run(people.actor(house.operator), run)
    answer = press(client, "orchestration_run", "delete_runs", run, confirmed="1", reason="a trial")
    assert said(answer)[-1] == "Delete: 1 done"
    assert Run.system.count() == 0


@pytest.mark.parametrize(("person", "status"), [("viewer", 403), ("approver", 403), ("guest", 403), ("stranger", 302)])
def test_others_cancel_nothing(person: str, status: int, house: House, run: Run, browser: Browsers) -> None:
    client = browser(getattr(house, person))
    answer = press(client, "orchestration_run", "cancel", run, confirmed="1", reason="because")
    assert answer.status_code == status
    assert Run.system.get().status == "created"


def test_versions_move_by_the_rules_of_versions(house: House, version: ProcedureVersion, browser: Browsers) -> None:
    client = browser(house.operator)
    for action, status in (("deprecate", "deprecated"), ("archive", "archived")):
        press(client, "procedures_procedureversion", action, version)
        assert ProcedureVersion.system.get().status == status
    sentence = said(press(client, "procedures_procedureversion", "publish", version))[-1]
    assert "done" not in sentence
    assert ProcedureVersion.system.get().status == "archived"


def test_a_role_is_granted_and_revoked(house: House, browser: Browsers) -> None:
    client = browser(house.admin)
    form = {"user": str(house.viewer.pk), "group": "", "role": Role.OPERATOR, "project": str(house.project.pk)}
    assert client.post(reverse("admin:tenants_membership_add"), form).status_code == 302
    granted = Membership.system.get(user=house.viewer, role=Role.OPERATOR)
    assert (granted.project, granted.granted_by) == (house.project, "admin")
    assert people.actor(house.viewer).may("runs.start", house.project)

    press(client, "tenants_membership", "revoke", granted, confirmed="1", reason="no longer needed")
    assert not Membership.system.filter(pk=granted.pk).exists()
    assert not people.actor(house.viewer).may("runs.start", house.project)


def test_the_last_administrator_stays(house: House, browser: Browsers) -> None:
    only = Membership.system.get(user=house.admin)
    answer = press(browser(house.admin), "tenants_membership", "revoke", only, confirmed="1", reason="leaving")
    assert "last administrator" in said(answer)[0]
    assert Membership.system.filter(pk=only.pk).exists()


def test_tokens_are_revoked(house: House, browser: Browsers) -> None:
    token = tokens.issue(house.viewer, house.tenant.pk).token
    row = tokens.read(token)
    press(browser(house.admin), "tenants_accesstoken", "revoke", row)
    row.refresh_from_db()
    assert row.revoked_at is not None


def person(**more: str) -> dict[str, str]:
    names = {"username": "newcomer", "full_name": "New Comer", "email": "new@example.test", "timezone": "UTC"}
    return names | {"password": STRONG, "role": Role.VIEWER, "project": ""} | more


def test_a_person_is_added_with_a_role(house: House, browser: Browsers) -> None:
    answer = browser(house.admin).post(reverse("admin:tenants_user_add"), person())
    assert answer.status_code == 302, answer.context["errors"]
    made = User.objects.get(username="newcomer")
    assert made.check_password(STRONG)
    assert people.actor(made).may("view")
    assert set(AuditEntry.system.filter(actor="admin").values_list("action", flat=True)) >= {
        "member.create",
        "member.grant",
    }


def test_a_weak_password_is_refused_at_its_field(house: House, browser: Browsers) -> None:
    answer = browser(house.admin).post(reverse("admin:tenants_user_add"), person(password="password"))
    assert "password" in answer.context["adminform"].form.errors
    assert not User.objects.filter(username="newcomer").exists()


def test_a_project_of_another_tenant_is_no_choice(house: House, browser: Browsers) -> None:
    theirs = Project.system.create(tenant=house.elsewhere, name="Theirs")
    answer = browser(house.admin).post(reverse("admin:tenants_user_add"), person(project=str(theirs.pk)))
    assert "project" in answer.context["adminform"].form.errors


def test_people_whom_two_tenants_share_are_changed_by_superusers_only(house: House, browser: Browsers) -> None:
    people.services.grant_role(people.system(house.elsewhere.pk), house.viewer, Role.VIEWER, house.elsewhere)
    address = reverse("admin:tenants_user_change", args=[house.viewer.pk])
    change = {"username": "viewer", "full_name": "Renamed", "email": "v@example.test", "timezone": "UTC"}
    assert browser(house.admin).post(address, change).status_code == 403
    assert browser(house.platform).post(address, change).status_code == 302
    assert User.objects.get(pk=house.viewer.pk).full_name == "Renamed"


def test_projects_belong_to_the_tenant_of_their_maker(house: House, browser: Browsers) -> None:
    form = {"name": "Treasury", "description": "", "settings": '{"approval_link_mode": "link"}'}
    assert browser(house.operator).post(reverse("admin:tenants_project_add"), form).status_code == 403
    assert browser(house.admin).post(reverse("admin:tenants_project_add"), form).status_code == 302
    assert Project.system.get(name="Treasury").tenant == house.tenant


def test_tenants_are_changed_by_superusers_only(house: House, browser: Browsers) -> None:
    address = reverse("admin:tenants_tenant_change", args=[house.tenant.pk])
    change = {"name": "Acme Ltd", "slug": "acme", "active": "on", "weight": "2"}
    assert browser(house.admin).post(address, change).status_code == 403
    assert browser(house.platform).post(address, change).status_code == 302
    assert Tenant.objects.values_list("name", "weight").get(pk=house.tenant.pk) == ("Acme Ltd", 2)
    assert AuditEntry.system.filter(action="tenant.change", actor="platform").exists()


@pytest.mark.parametrize("table", ["orchestration_run", "orchestration_event", "approvals_vote", "tenants_auditentry"])
def test_records_are_only_to_look_at(table: str, house: House, browser: Browsers) -> None:
    client = browser(house.platform)
    assert client.get(reverse(f"admin:{table}_add")).status_code == 403
    assert b"delete_selected" not in client.get(reverse(f"admin:{table}_changelist")).content
