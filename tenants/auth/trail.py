"""Logins in the audit trail, whichever door they came through, and when a session began."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from langorch.lib import clock
from tenants import audit, selectors
from tenants.addresses import client_address
from tenants.auth.session import BEGAN
from tenants.models import User


@receiver(user_logged_in)
def session_began(request: HttpRequest, user: User, **_: Any) -> None:
    request.session[BEGAN] = clock.now().timestamp()
    _record("auth.login", f"{user.username} logged in", user, request)


@receiver(user_logged_out)
def session_ended(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        _record("auth.logout", f"{user.username} logged out", user, request)


@receiver(user_login_failed)
def login_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    user = User.objects.filter(username=credentials.get("username", "")).first()
    if user is not None and request is not None:
        _record("auth.login_failed", f"Wrong password for {user.username}", user, request)


def _record(action: str, sentence: str, user: User, request: HttpRequest) -> None:
    via = "api" if request.path.startswith("/api/") else "page"
    actor = selectors.actor_of(user, via=via, address=client_address(request))
    if actor is not None:
        audit.record(actor, action, sentence, resource=("user", user.pk))
