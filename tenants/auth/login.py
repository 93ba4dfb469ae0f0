"""Logging programs in and out."""

from dataclasses import dataclass

from django.contrib.auth import authenticate
from django.contrib.auth import logout as end_session
from django.db import transaction
from django.http import HttpRequest

from langorch.lib.errors import NotAuthenticated
from tenants import audit, selectors
from tenants.actor import Actor
from tenants.addresses import client_address
from tenants.auth import tokens
from tenants.auth.identity import no_tenant
from tenants.models import AccessToken, User


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Somebody with a fresh token, and the roles they hold in its tenant."""

    user: User
    issued: tokens.Issued
    roles: list[str]


def log_in(request: HttpRequest, username: str, password: str) -> LoggedIn:
    """Check name and password and hand out a token for the tenant named by `X-Tenant`, else the default one.

    Raises `NotAuthenticated` (invalid_credentials), `TooMany` (login_throttled), or `Denied` for a member of nothing.
    """
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        raise NotAuthenticated("Name or password is wrong.", code="invalid_credentials")
    slug = request.headers.get("X-Tenant")
    actor = selectors.actor_of(user, tenant_slug=slug, via="api", address=client_address(request))
    if actor is None:
        raise no_tenant(slug)
    with transaction.atomic():
        issued = tokens.issue(user, actor.tenant_id)
        audit.record(actor, "auth.login", f"{user.username} logged in", resource=("user", user.pk))
    return LoggedIn(user, issued, selectors.roles_of(user, actor.tenant_id))


@transaction.atomic
def log_out(request: HttpRequest, actor: Actor, token: AccessToken | None) -> None:
    """End what the request came with: its token, else its session."""
    if token is None:
        end_session(request)
        return
    tokens.revoke(token)
    audit.record(actor, "auth.logout", f"{actor.name} logged out", resource=("user", actor.user_id))
