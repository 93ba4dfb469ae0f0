"""A small house of people for tests: one tenant, two projects, somebody for each role, and a stranger next door."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from tenants import selectors, services
from tenants.actor import Actor, system
from tenants.auth import tokens
from tenants.choices import Role
from tenants.models import Project, Tenant, User

PASSWORD = "seven-quiet-lamps"


@dataclass(frozen=True, slots=True)
class House:
    """`admin`, `operator`, `approver` and `viewer` hold exactly that role on the whole tenant.

    `clerk` and `judge` are operator and approver of `project` alone, `guest` is viewer of `other_project` alone,
    `platform` is superuser and member of nothing, `stranger` is admin, operator and approver of `elsewhere`.
    """

    tenant: Tenant
    project: Project
    other_project: Project
    admin: User
    operator: User
    approver: User
    viewer: User
    clerk: User
    judge: User
    guest: User
    platform: User
    elsewhere: Tenant
    stranger: User


def make_person(name: str, *roles: tuple[str, Tenant | Project]) -> User:
    """A person who can log in with `PASSWORD` and holds `roles` on places."""
    user = User.objects.create_user(
        name, email=f"{name}@example.test", password=PASSWORD, full_name=f"{name.capitalize()} Test"
    )
    for role, place in roles:
        services.grant_role(system(place.tenant_id), user, role, place)
    return user


@transaction.atomic
def build() -> House:
    """Store the house in the test database, in one go: it is built for nearly every test."""
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    project = Project.system.create(tenant=tenant, name="Finance")
    other_project = Project.system.create(tenant=tenant, name="Warehouse")
    elsewhere = Tenant.objects.create(slug="elsewhere", name="Elsewhere")
    return House(
        tenant=tenant,
        project=project,
        other_project=other_project,
        admin=make_person("admin", (Role.ADMIN, tenant)),
        operator=make_person("operator", (Role.OPERATOR, tenant)),
        approver=make_person("approver", (Role.APPROVER, tenant)),
        viewer=make_person("viewer", (Role.VIEWER, tenant)),
        clerk=make_person("clerk", (Role.OPERATOR, project)),
        judge=make_person("judge", (Role.APPROVER, project)),
        guest=make_person("guest", (Role.VIEWER, other_project)),
        platform=User.objects.create_superuser("platform", "platform@example.test", PASSWORD),
        elsewhere=elsewhere,
        stranger=make_person(
            "stranger", (Role.ADMIN, elsewhere), (Role.OPERATOR, elsewhere), (Role.APPROVER, elsewhere)
        ),
    )


def actor(user: User, via: str = "api") -> Actor:
    """`user` as an actor in the tenant of their first membership."""
    found = selectors.actor_of(user, via=via)
    assert found is not None, f"{user} belongs to no tenant"
    return found


def api_client(user: User | None = None) -> APIClient:
    """A client of the API with a bearer token of `user`; without one, of nobody. Sends JSON."""
    client = APIClient()
    client.default_format = "json"
    if user is not None:
        issued = tokens.issue(user, actor(user).tenant_id)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.token}")
    return client


def browser(user: User | None = None) -> Client:
    """A client of the pages with a session of `user`, and without CSRF checks."""
    client = Client()
    if user is not None:
        client.force_login(user, backend="tenants.auth.password.PasswordBackend")
    return client


ApiClients = Callable[..., APIClient]
Browsers = Callable[..., Client]
