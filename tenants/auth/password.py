"""Name and password, with a limit on wrong ones: every door that logs people in goes through this backend."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from langorch.lib import clock
from langorch.lib.errors import TooMany
from tenants.addresses import client_address
from tenants.models import LoginAttempt, User

WINDOW = timedelta(minutes=15)


class PasswordBackend(ModelBackend):
    """Checks name and password. Raises `TooMany` (login_throttled) after LOGIN_MAX_FAILURES in 15 minutes.

    An attempt is written down before the password is looked at, so attempts at the same moment count too.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if not username or password is None:
            return None
        account, address = username.lower()[:150], client_address(request) if request else ""
        _count_attempt(account, address)
        user = super().authenticate(request, username=username, password=password)
        if not isinstance(user, User):
            return None
        LoginAttempt.objects.filter(account=account, address=address).delete()
        return user


def _count_attempt(account: str, address: str) -> None:
    now = clock.now()
    LoginAttempt.objects.filter(at__lte=now - WINDOW).delete()
    mine = LoginAttempt.objects.create(account=account, address=address, at=now)
    earlier = list(
        LoginAttempt.objects.filter(account=account, address=address, pk__lt=mine.pk).values_list("at", flat=True)
    )
    if len(earlier) >= settings.ENV.LOGIN_MAX_FAILURES:
        mine.delete()
        raise _throttled(min(earlier), now)


def _throttled(oldest: datetime, now: datetime) -> TooMany:
    seconds = max(1, int((oldest + WINDOW - now).total_seconds()))
    return TooMany(
        "Too many failed logins. Try again later.", code="login_throttled", headers={"Retry-After": str(seconds)}
    )
