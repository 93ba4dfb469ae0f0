"""What the commands about documents share: reading files, and people and places named on a command line."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from procedures.ckp.compile import Compiled, compile_document
from tenants.actor import Actor
from tenants.models import Project, Tenant, User
from tenants.selectors import actor_of, projects_visible_to


def read(name: str) -> bytes:
    """The bytes of a file. Raises `CommandError` when it cannot be read."""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror or error}") from error


def compiled(name: str) -> Compiled:
    """A file compiled by itself: what only a tenant knows is not checked."""
    return compile_document(read(name), most_bytes=settings.ENV.MAX_DOCUMENT_BYTES)


def tenant_called(slug: str | None) -> Tenant:
    """The active tenant of a slug, of the default one without. Raises `CommandError`."""
    wanted = slug or settings.ENV.DEFAULT_TENANT
    found = Tenant.objects.filter(slug=wanted, active=True).first()
    if found is None:
        raise CommandError(f"There is no tenant {wanted}.")
    return found


def person(username: str, slug: str | None) -> Actor:
    """Somebody acting in a tenant, in that of their first membership without `slug`. Raises `CommandError`."""
    user = User.objects.filter(username=username, is_active=True).first()
    actor = user and actor_of(user, tenant_slug=slug, via="command")
    if not actor:
        raise CommandError(f"There is no active user {username}{f' in the tenant {slug}' if slug else ''}.")
    return actor


def project_called(actor: Actor, name: str | None) -> Project | None:
    """A project the actor sees, by name. Raises `CommandError`."""
    if name is None:
        return None
    found = projects_visible_to(actor).filter(name=name).first()
    if found is None:
        raise CommandError(f"{actor.name} sees no project {name}.")
    return found
