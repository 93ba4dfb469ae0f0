"""Changing people, and the tenants and projects they work in."""

from collections.abc import Sequence

from django.db import models, transaction

from tenants import audit, services
from tenants.actor import Actor
from tenants.choices import Capability
from tenants.models import Membership, Project, Tenant, User


@transaction.atomic
def add_person(actor: Actor, user: User, password: str, role: str, project: Project | None = None) -> User:
    """Store a new person with a first role, on `project` or on the whole tenant of `actor`.

    Raises `Denied` when the actor does not administer the place.
    """
    place = project or Tenant.objects.get(pk=actor.tenant_id)
    actor.require("members.admin", place)
    user.set_password(password)
    user.save(force_insert=True)
    audit.record(actor, "member.create", f"{user.username} added", resource=("user", user.pk))
    services.grant_role(actor, user, role, place)
    return user


@transaction.atomic
def save(actor: Actor, thing: User | Tenant | Project, changed: Sequence[str]) -> None:
    """Store what was changed on `thing`, or a new one, and write it down. `changed` names the fields."""
    kind = thing._meta.model_name
    made = thing._state.adding
    if isinstance(thing, Project) and made:
        thing.tenant_id = actor.tenant_id
    thing.save()
    sentence = f"{thing} made" if made else f"{thing}: {', '.join(changed) or 'nothing'} changed"
    audit.record(actor, f"{kind}.{'create' if made else 'change'}", sentence, resource=(f"{kind}", thing.pk))


def people_administered_by(actor: Actor) -> models.QuerySet[User]:
    """The people who hold a role where `actor` administers."""
    if actor.platform:
        return User.objects.all()
    theirs = Membership.objects.with_capability(actor, Capability.ADMINISTER)
    return User.objects.filter(models.Q(memberships__in=theirs) | models.Q(groups__memberships__in=theirs)).distinct()


def may_change(actor: Actor, user: User) -> bool:
    """Whether `actor` may change `user` as a person: superusers anybody, administrators whom no other tenant shares."""
    if actor.platform:
        return True
    elsewhere = Membership.system.filter(user=user).exclude(tenant_id=actor.tenant_id)
    return actor.holds(Capability.ADMINISTER) and not user.is_superuser and not elsewhere.exists()
