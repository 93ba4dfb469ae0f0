"""Reading identities: actors of requests, people who may do something."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from guardian.models import GroupObjectPermission

from tenants.actor import Actor
from tenants.choices import Capability, Role
from tenants.models import Membership, Project, Tenant, User

Held = dict[str, set[str]]


def actor_of(user: User, *, tenant_slug: str | None = None, via: str = "page", address: str = "") -> Actor | None:
    """`user` as an actor in the tenant named by `tenant_slug`, else in the one of their first membership.

    None when they belong to no (such) active tenant.
    """
    tenant = _tenant_for(user, tenant_slug)
    if tenant is None:
        return None
    held = _held_permissions(user)
    places = Project.system.filter(tenant=tenant, pk__in=_ids(held, "project")).select_related("tenant")
    return Actor(
        name=user.username,
        tenant_id=tenant.pk,
        user_id=user.pk,
        everywhere=frozenset(held.get(f"tenant:{tenant.pk}", ())),
        by_project={project.pk: frozenset(held[f"project:{project.pk}"]) for project in places},
        places=tuple(places),
        platform=user.is_superuser,
        via=via,
        address=address,
    )


def renewed(actor: Actor) -> Actor | None:
    """The person behind `actor` with the roles they have now; None when they were disabled or left the tenant."""
    user = User.objects.filter(pk=actor.user_id, is_active=True).first() if actor.user_id else None
    slug = Tenant.objects.filter(pk=actor.tenant_id).values_list("slug", flat=True).first()
    if user is None or slug is None:
        return None
    return actor_of(user, tenant_slug=slug, via=actor.via, address=actor.address)


def tenants_of(user: User) -> QuerySet[Tenant]:
    """The active tenants `user` belongs to, the one of the oldest membership first."""
    if user.is_superuser:
        return Tenant.objects.filter(active=True).order_by("created_at")
    mine = Membership.system.filter(_belongs_to(user)).values("tenant")
    return Tenant.objects.filter(pk__in=mine, active=True).order_by("created_at")


def roles_of(user: User, tenant_id: UUID) -> list[str]:
    """The roles `user` holds in a tenant or any of its projects, in the order admin, operator, approver, viewer."""
    held = set(Membership.system.filter(_belongs_to(user), tenant_id=tenant_id).values_list("role", flat=True))
    return [role for role in Role.values if role in held]


def projects_visible_to(actor: Actor) -> QuerySet[Project]:
    """The projects an actor holds any capability on."""
    if actor.platform or actor.everywhere:
        return Project.system.filter(tenant_id=actor.tenant_id)
    return Project.system.filter(tenant_id=actor.tenant_id, pk__in=list(actor.by_project))


def people_with(capability: str, tenant_id: UUID, project_id: UUID | None) -> QuerySet[User]:
    """The active people who hold `capability` on the tenant, or on the project when one is given."""
    targets = Q(content_type__model="tenant", object_pk=str(tenant_id))
    if project_id is not None:
        targets |= Q(content_type__model="project", object_pk=str(project_id))
    granted = GroupObjectPermission.objects.filter(targets, permission__codename=capability)
    return User.objects.filter(is_active=True, groups__in=granted.values("group")).distinct()


def approvers(tenant_id: UUID, project_id: UUID | None) -> QuerySet[User]:
    """The people who hold the role approver there."""
    return people_with(Capability.DECIDE, tenant_id, project_id)


def members_of(tenant_id: UUID) -> QuerySet[User]:
    """The active people who hold any role in a tenant, themselves or through a group."""
    return _holders(Membership.system.filter(tenant_id=tenant_id))


def people_in_role(role: str, tenant_id: UUID, project_id: UUID | None) -> QuerySet[User]:
    """The active people who hold `role` on the tenant, or on the project when one is given."""
    places = Q(project=None) | Q(project_id=project_id) if project_id else Q(project=None)
    return _holders(Membership.system.filter(places, tenant_id=tenant_id, role=role))


def groups_of(tenant_id: UUID) -> QuerySet[Group]:
    """The groups that hold a role in a tenant."""
    held = Membership.system.filter(tenant_id=tenant_id, group__isnull=False)
    return Group.objects.filter(pk__in=held.values("group"))


def is_group(tenant_id: UUID, name: str) -> bool:
    """Whether a group of this name holds a role in a tenant, or has a member of it."""
    held = groups_of(tenant_id).filter(name=name).exists()
    return held or members_of(tenant_id).filter(groups__name=name).exists()


def member_named(tenant_id: UUID, name: str) -> User | None:
    """The member of a tenant with this user name or mail address."""
    by_name = Q(username=name) | (Q(email__iexact=name) if "@" in name else Q())
    return members_of(tenant_id).filter(by_name).order_by("username").first()


def _holders(memberships: QuerySet[Membership]) -> QuerySet[User]:
    direct = memberships.filter(user__isnull=False).values("user")
    grouped = memberships.filter(group__isnull=False).values("group")
    return User.objects.filter(Q(pk__in=direct) | Q(groups__in=grouped), is_active=True).distinct()


def _belongs_to(user: User) -> Q:
    return Q(user=user) | Q(group__in=user.groups.all())


def _tenant_for(user: User, slug: str | None) -> Tenant | None:
    candidates = tenants_of(user)
    return candidates.filter(slug=slug).first() if slug else candidates.first()


def _held_permissions(user: User) -> Held:
    rows: Iterable[tuple[str, str, str]] = GroupObjectPermission.objects.filter(
        group__user=user, content_type__app_label="tenants", content_type__model__in=["tenant", "project"]
    ).values_list("content_type__model", "object_pk", "permission__codename")
    held: Held = {}
    for model, key, codename in rows:
        held.setdefault(f"{model}:{key}", set()).add(codename)
    return held


def _ids(held: Held, model: str) -> list[str]:
    return [key.partition(":")[2] for key in held if key.startswith(f"{model}:")]
