"""Sample data for a first look: two tenants, projects, people of every role, and three procedures of our own."""

import json
import os
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from langorch.lib import ids
from procedures import services as procedures
from procedures.choices import VersionStatus
from tenants import services as tenants
from tenants.actor import Actor, system
from tenants.choices import Role
from tenants.models import Project, Tenant, User

SAMPLES: Final = Path(settings.BASE_DIR) / "procedures" / "samples"
STRANGER: Final = "stranger"
PROJECTS: Final[dict[str, tuple[dict[str, str], list[str]]]] = {
    "Front office": ({}, ["greeting", "refund"]),
    "Accounts payable": ({"approval_link_mode": "link"}, ["invoice"]),
}

Logins = dict[str, dict[str, str]]


@transaction.atomic
def load() -> None:
    """Make the samples in an empty database, and keep the new passwords in `first_login_file()`."""
    home = Tenant.objects.create(slug=settings.ENV.DEFAULT_TENANT, name="Northwind Trading")
    away = Tenant.objects.create(slug="elsewhere", name="Elsewhere Ltd")
    logins: Logins = {Role.ADMIN: first_admin(home)}
    logins |= {role: sample_person(role, home) for role in (Role.OPERATOR, Role.APPROVER, Role.VIEWER)}
    logins[STRANGER] = sample_person(Role.OPERATOR, away, STRANGER)
    tenants.create_project(system(away.pk), "Warehouse")
    for name, (project_settings, samples) in PROJECTS.items():
        project = tenants.create_project(system(home.pk), name, **project_settings)
        for sample in samples:
            _publish(system(home.pk), project, SAMPLES / f"{sample}.ckp.json")
    keep(logins)


def first_admin(tenant: Tenant) -> dict[str, str]:
    """The first administrator, named by BOOTSTRAP_ADMIN_…: admin and approver of `tenant`, and of the platform."""
    login = {
        "username": settings.ENV.BOOTSTRAP_ADMIN_USERNAME,
        "password": settings.ENV.BOOTSTRAP_ADMIN_PASSWORD or ids.password(),
    }
    user = User.objects.create_superuser(login["username"], settings.ENV.BOOTSTRAP_ADMIN_EMAIL, login["password"])
    for role in (Role.ADMIN, Role.APPROVER):
        tenants.grant_role(system(tenant.pk), user, role, tenant)
    return login


def sample_person(role: str, tenant: Tenant, name: str = "") -> dict[str, str]:
    """Somebody who holds `role` on `tenant`, with a password of their own."""
    login = {"username": name or role, "password": ids.password()}
    user = User.objects.create_user(login["username"], f"{login['username']}@example.com", login["password"])
    tenants.grant_role(system(tenant.pk), user, role, tenant)
    return login


def first_login_file() -> Path:
    """Where generated passwords are kept, as `{role: {username, password}}`."""
    return Path(settings.VAR_DIR) / "first-login.json"


def keep(logins: Logins) -> None:
    """Write the file of first logins, readable by its owner alone."""
    text = json.dumps(logins, indent=2) + "\n"
    first_login_file().parent.mkdir(parents=True, exist_ok=True)
    draft = first_login_file().with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(first_login_file())


def first_logins() -> Logins:
    """The logins that were kept; none when nothing was."""
    path = first_login_file()
    logins: Logins = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return logins


def _publish(actor: Actor, project: Project, path: Path) -> None:
    imported = procedures.import_document(actor, path.read_text(encoding="utf-8"), project)
    procedures.change_status(actor, imported.version, VersionStatus.ACTIVE)
