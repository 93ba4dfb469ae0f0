"""A small house of people for tests: one tenant, two projects, somebody for each role, and a stranger next door."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from guardian.models import GroupObjectPermission
from rest_framework.test import APIClient

from langorch.lib import clock
from tenants import selectors, services
from tenants.actor import SYSTEM_NAME, Actor, system
from tenants.auth import tokens
from tenants.choices import ROLE_CAPABILITIES, Role
from tenants.models import AuditEntry, Membership, Project, Tenant, User

PASSWORD = "seven-quiet-lamps"

Grant = tuple[User, Role, Tenant | Project]


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

    def grants(self) -> list[Grant]:
        """Who holds which role where."""
        return [
            (self.admin, Role.ADMIN, self.tenant),
            (self.operator, Role.OPERATOR, self.tenant),
            (self.approver, Role.APPROVER, self.tenant),
            (self.viewer, Role.VIEWER, self.tenant),
            (self.clerk, Role.OPERATOR, self.project),
            (self.judge, Role.APPROVER, self.project),
            (self.guest, Role.VIEWER, self.other_project),
            (self.stranger, Role.ADMIN, self.elsewhere),
            (self.stranger, Role.OPERATOR, self.elsewhere),
            (self.stranger, Role.APPROVER, self.elsewhere),
        ]


def make_person(name: str, *roles: tuple[str, Tenant | Project]) -> User:
    """A person who can log in with `PASSWORD` and holds `roles` on places."""
    user = _person(name, make_password(PASSWORD))
    user.save(force_insert=True)
    for role, place in roles:
        services.grant_role(system(place.tenant_id), user, role, place)
    return user


def build() -> House:
    """Store the house in the test database. It is built for nearly every test: a statement for each table."""
    password = make_password(PASSWORD)
    tenant, elsewhere = Tenant(slug="acme", name="Acme"), Tenant(slug="elsewhere", name="Elsewhere")
    house = House(
        tenant=tenant,
        project=Project(tenant=tenant, name="Finance"),
        other_project=Project(tenant=tenant, name="Warehouse"),
        admin=_person("admin", password),
        operator=_person("operator", password),
        approver=_person("approver", password),
        viewer=_person("viewer", password),
        clerk=_person("clerk", password),
        judge=_person("judge", password),
        guest=_person("guest", password),
        platform=_person("platform", password, full_name="", is_superuser=True, is_staff=True),
        elsewhere=elsewhere,
        stranger=_person("stranger", password),
    )
    _store(house)
    return house


def _person(name: str, password: str, **more: str | bool) -> User:
    given = {"full_name": f"{name.capitalize()} Test"} | more
    return User(username=name, email=f"{name}@example.test", password=password, **given)


@transaction.atomic
def _store(house: House) -> None:
    Tenant.objects.bulk_create([house.tenant, house.elsewhere])
    Project.system.bulk_create([house.project, house.other_project])
    User.objects.bulk_create({user: None for user, _, _ in house.grants()} | {house.platform: None})
    _grant(house.grants())


def _grant(grants: Sequence[Grant]) -> None:
    """What `services.grant_role` stores for roles that nobody holds yet; tests/db/test_house.py compares the two."""
    groups = Group.objects.bulk_create(Group(name=f"{role}@{place.pk}") for _, role, place in grants)
    within = User.groups.through
    within.objects.bulk_create(within(user=grant[0], group=group) for grant, group in zip(grants, groups, strict=True))
    _permit(groups, grants)
    made = [_membership(*grant) for grant in grants]
    Membership.system.bulk_create(made)
    AuditEntry.system.bulk_create(
        _entry(membership, f"{who} is {role} of {place}")
        for membership, (who, role, place) in zip(made, grants, strict=True)
    )


def _permit(groups: Sequence[Group], grants: Sequence[Grant]) -> None:
    """Give each group the object permissions of its role."""
    kinds = ContentType.objects.get_for_models(Tenant, Project)
    known = Permission.objects.filter(content_type__in=kinds.values()).values_list("content_type", "codename", "pk")
    numbers = {(kind, name): number for kind, name, number in known}
    GroupObjectPermission.objects.bulk_create(
        GroupObjectPermission(
            group=group,
            permission_id=numbers[kinds[type(place)].pk, capability],
            content_type=kinds[type(place)],
            object_pk=str(place.pk),
        )
        for group, (_, role, place) in zip(groups, grants, strict=True)
        for capability in sorted(ROLE_CAPABILITIES[role])
    )


def _membership(who: User, role: Role, place: Tenant | Project) -> Membership:
    project = place if isinstance(place, Project) else None
    return Membership(tenant_id=place.tenant_id, project=project, user=who, role=role, granted_by=SYSTEM_NAME)


def _entry(membership: Membership, description: str) -> AuditEntry:
    return AuditEntry(
        tenant_id=membership.tenant_id,
        ts=clock.now(),
        category="member",
        action="member.grant",
        actor=SYSTEM_NAME,
        via="system",
        description=description,
        resource_type="member",
        resource_id=str(membership.pk),
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
