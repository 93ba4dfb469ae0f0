"""`Authorization: Bearer …`: programs that logged in."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from langorch.lib.errors import NotAuthenticated
from tenants import selectors
from tenants.addresses import client_address
from tenants.auth import tokens
from tenants.auth.identity import no_tenant
from tenants.models import AccessToken, User


class BearerAuthentication(BaseAuthentication):
    """Reads the token, then the person's roles, and sets `request.actor` (via "api")."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            raise NotAuthenticated("Send the token as: Authorization: Bearer <token>.", code="invalid_credentials")
        row = tokens.read(token.strip())
        slug = request.headers.get("X-Tenant") or row.tenant.slug
        actor = selectors.actor_of(row.user, tenant_slug=slug, via="api", address=client_address(request._request))
        if actor is None:
            raise no_tenant(request.headers.get("X-Tenant"))
        request._request.actor = actor  # type: ignore[attr-defined]
        return row.user, row

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'
