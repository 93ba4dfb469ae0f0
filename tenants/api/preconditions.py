"""`ETag` and `If-Match`: who changes a thing says which state of it they saw."""

import hashlib

from rest_framework.request import Request

from langorch.lib.errors import PreconditionFailed


def etag(*parts: object) -> str:
    """A strong entity tag of the state that `parts` describe."""
    return f'"{hashlib.sha256(repr([str(part) for part in parts]).encode()).hexdigest()[:24]}"'


def if_match(request: Request) -> str | None:
    """The `If-Match` header as sent; None when there is none."""
    return request.headers.get("If-Match")


def require_match(sent: str | None, present: str) -> None:
    """Raise `PreconditionFailed` when tags were sent and none of them is `present`."""
    if sent is None or sent.strip() == "*":
        return
    if present not in [tag.strip() for tag in sent.split(",")]:
        raise PreconditionFailed("This was changed since you read it. Read it again, then repeat your change.")
