"""Every request of a signed-in person carries its actor, and must scope its queries."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from tenants import managers, selectors
from tenants.actor import Actor
from tenants.addresses import client_address
from tenants.models import User

TENANT_IN_SESSION = "tenant"


class ActorMiddleware:
    """Sets `request.actor` (an `Actor`, or None for nobody) and demands scoped queries inside views."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: actor_of_session(request))  # type: ignore[attr-defined]
        with managers.scope_required():
            return self.get_response(request)


def actor_of_session(request: HttpRequest) -> Actor | None:
    """The actor of the signed-in person in the tenant they chose (header `X-Tenant`, else their session)."""
    if not isinstance(request.user, User):
        return None
    slug = request.headers.get("X-Tenant") or request.session.get(TENANT_IN_SESSION)
    return selectors.actor_of(request.user, tenant_slug=slug, via="page", address=client_address(request))
