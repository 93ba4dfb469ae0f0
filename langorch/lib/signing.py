"""Signed, expiring texts: one derived key per purpose, so that a token for one thing is worth nothing for another."""

from typing import Any

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

Expired = signing.SignatureExpired
Forged = signing.BadSignature


def sign(purpose: str, payload: Any) -> str:
    """A URL-safe text that carries the JSON `payload` and proves we wrote it for `purpose`."""
    return signing.dumps(payload, salt=f"langorch.{purpose}", compress=True)


def unsign(purpose: str, text: str, max_age_seconds: int) -> Any:
    """The payload of `text`. Raises `Expired` when older than `max_age_seconds`, `Forged` when it is not ours."""
    return signing.loads(text, salt=f"langorch.{purpose}", max_age=max_age_seconds)


def keys(purpose: str) -> list[bytes]:
    """The 32-byte keys derived for `purpose`: the first signs, all of them check while the secret is rotated."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac(f"langorch.{purpose}", "key", secret=secret, algorithm="sha256").digest() for secret in secrets]
