"""Changing tenants, projects, people and their roles."""

from django.contrib.auth.models import Group
from django.db import transaction
from guardian.shortcuts import assign_perm, remove_perm

from langorch.lib.errors import Conflict
from tenants import audit
from tenants.actor import Actor
from tenants.choices import ROLE_CAPABILITIES, Role
from tenants.models import Membership, Project, Tenant, User


def role_group(role: str, place: Tenant | Project) -> Group:
    """The group whose members hold `role` on `place`; made with its object permissions when it is new."""
    group, made = Group.objects.get_or_create(name=f"{role}@{place.pk}")
    if made:
        for capability in sorted(ROLE_CAPABILITIES[role]):
            assign_perm(capability, group, place)
    return group


@transaction.atomic
def grant_role(actor: Actor, who: User | Group, role: str, place: Tenant | Project) -> Membership:
    """Give `role` on `place` to a person or a group. Granting twice changes nothing."""
    tenant_id = place.tenant_id
    project = place if isinstance(place, Project) else None
    principal = {"user": who} if isinstance(who, User) else {"group": who}
    membership, made = Membership.system.get_or_create(
        tenant_id=tenant_id, project=project, role=role, **principal, defaults={"granted_by": actor.name}
    )
    if made:
        _give(who, role, place)
        audit.record(actor, "member.grant", f"{who} is {role} of {place}", resource=("member", membership.pk))
    return membership


@transaction.atomic
def revoke_role(actor: Actor, membership: Membership) -> None:
    """Take a role back. Raises `Conflict` (last_admin) when nobody would administer the tenant."""
    if membership.role == Role.ADMIN and membership.project_id is None and _is_last_admin(membership):
        raise Conflict("This is the last administrator of the tenant.", code="last_admin")
    place = membership.project or membership.tenant
    _take(membership.user or membership.group, membership.role, place)
    audit.record(actor, "member.revoke", f"{membership}", resource=("member", membership.pk))
    membership.delete()


@transaction.atomic
def create_project(actor: Actor, name: str, description: str = "", **settings: object) -> Project:
    """A new project of the actor's tenant. Raises `Conflict` (name_exists)."""
    if Project.system.filter(tenant_id=actor.tenant_id, name=name).exists():
        raise Conflict(f"A project called {name} exists already.", code="name_exists")
    project = Project.system.create(
        tenant_id=actor.tenant_id, name=name, description=description, settings=dict(settings)
    )
    audit.record(actor, "project.create", f"Project {name} created", resource=("project", project.pk))
    return project


def _is_last_admin(membership: Membership) -> bool:
    others = Membership.system.filter(tenant_id=membership.tenant_id, project=None, role=Role.ADMIN)
    return not others.exclude(pk=membership.pk).exists()


def _give(who: User | Group, role: str, place: Tenant | Project) -> None:
    if isinstance(who, User):
        who.groups.add(role_group(role, place))
        return
    for capability in sorted(ROLE_CAPABILITIES[role]):
        assign_perm(capability, who, place)


def _take(who: User | Group | None, role: str, place: Tenant | Project) -> None:
    if isinstance(who, User):
        who.groups.remove(role_group(role, place))
    elif who is not None:
        for capability in sorted(ROLE_CAPABILITIES[role]):
            remove_perm(capability, who, place)
