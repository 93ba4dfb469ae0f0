"""Bearer tokens: signed texts that name a row. The row, the person and the roles are read anew at each request."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings

from langorch.lib import clock, signing
from langorch.lib.errors import NotAuthenticated
from tenants.models import AccessToken, User

PURPOSE = "access"
ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it is handed out; `expires_in` in seconds."""

    token: str
    expires_in: int


def issue(user: User, tenant_id: UUID) -> Issued:
    """A new token of `user` in a tenant, good for AUTH_TOKEN_EXPIRE_MINUTES."""
    lifetime = timedelta(minutes=settings.ENV.AUTH_TOKEN_EXPIRE_MINUTES)
    issued_at = clock.now()
    row = AccessToken.system.create(tenant_id=tenant_id, user=user, expires_at=issued_at + lifetime)
    claims = {
        "sub": str(user.pk),
        "tenant": str(tenant_id),
        "jti": str(row.pk),
        "purpose": PURPOSE,
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + lifetime).timestamp()),
    }
    token = jwt.encode(claims, signing.keys(PURPOSE)[0], algorithm=ALGORITHM)
    return Issued(token, int(lifetime.total_seconds()))


def read(token: str) -> AccessToken:
    """The row behind `token`, with its user and tenant.

    Raises `NotAuthenticated`: invalid_credentials, token_expired or token_revoked.
    """
    claims = _claims(token)
    if datetime.fromtimestamp(claims["exp"], UTC) <= clock.now():
        raise NotAuthenticated("This token has expired. Log in again.", code="token_expired")
    row = AccessToken.system.select_related("user", "tenant").filter(pk=claims["jti"]).first()
    if row is None or row.revoked_at is not None or not row.user.is_active or not row.tenant.active:
        raise NotAuthenticated("This token is no longer valid. Log in again.", code="token_revoked")
    if (str(row.user_id), str(row.tenant_id)) != (claims["sub"], claims["tenant"]):
        raise _unusable()
    return row


def revoke(row: AccessToken) -> None:
    """End one token. Ending it twice changes nothing."""
    AccessToken.system.filter(pk=row.pk, revoked_at=None).update(revoked_at=clock.now())


def _claims(token: str) -> dict[str, Any]:
    for key in signing.keys(PURPOSE):
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                options={"require": ["sub", "jti", "exp", "iat"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidTokenError as error:
            raise _unusable() from error
        if claims.get("purpose") != PURPOSE:
            raise _unusable()
        return claims
    raise _unusable()


def _unusable() -> NotAuthenticated:
    return NotAuthenticated("This is not a token of ours.", code="invalid_credentials")
