"""The session cookie as an identity of the API: the portal's own pages call it so."""

from collections.abc import Callable
from dataclasses import replace

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from langorch.lib import clock
from langorch.lib.errors import Refusal
from tenants.auth.identity import no_tenant
from tenants.middleware import actor_of_session
from tenants.models import User

BEGAN = "began"
SEEN = "seen"
SEEN_SECONDS = 60


class SessionLimit:
    """Ends a session SESSION_MAX_HOURS after its login, however busy it is; until then a visit prolongs it.

    That is written at most once a minute, so that reading a page writes nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began, now = request.session.get(BEGAN), clock.now().timestamp()
        if began is not None and now - began > settings.ENV.SESSION_MAX_HOURS * 3600:
            logout(request)
        elif began is not None and now - request.session.get(SEEN, began) >= SEEN_SECONDS:
            request.session[SEEN] = now
        return self.get_response(request)


class OriginDenied(Refusal):
    """A request with a session cookie, but without the proof that a page of ours sent it."""

    status, code = 403, "origin_denied"


class SessionAuthentication(BaseAuthentication):
    """A signed-in person of this tenant; checks the CSRF token and sets `request.actor` (via "api")."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        page: HttpRequest = request._request
        user = page.user
        if not isinstance(user, User):
            return None
        actor = actor_of_session(page)
        if actor is None:
            raise no_tenant(page.headers.get("X-Tenant"))
        _require_csrf_token(page)
        page.actor = replace(actor, via="api")  # type: ignore[attr-defined]
        return user, None


class _TokenCheck(CsrfViewMiddleware):
    """Django's check, giving the reason instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        raise OriginDenied(f"The CSRF token is missing or wrong: {reason}")


def _page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _require_csrf_token(request: HttpRequest) -> None:
    check = _TokenCheck(_page)
    check.process_request(request)
    check.process_view(request, _page, (), {})
