"""`Idempotency-Key`: the same POST sent again gets the first answer again, and nothing happens twice."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from langorch.lib import clock
from langorch.lib.errors import Conflict, Invalid
from tenants.actor import Actor
from tenants.models import StoredAnswer

KEPT = timedelta(hours=24)
LONGEST_KEY = 128
LONGEST_ROUTE = 300
NOT_KEPT = {429}
"""Answers that ask the client to send the same request later: it is then carried out."""


@dataclass(frozen=True, slots=True)
class Claim:
    """This request is the first with its key; its answer will be kept."""

    row: StoredAnswer


class Replay(Exception):
    """The request was answered before; `answer` is what was said then."""

    def __init__(self, answer: Response) -> None:
        super().__init__("answered before")
        self.answer = answer


def claim(request: Request, actor: Actor) -> Claim | None:
    """Take the key of a POST; None when it carries none.

    Raises `Replay` when it was answered, `Conflict` (idempotency_in_progress) while it is being answered, `Invalid`
    (idempotency_key_reused) when the body differs.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return None
    if len(key) > LONGEST_KEY:
        raise Invalid(f"An Idempotency-Key has at most {LONGEST_KEY} characters.")
    body_hash = hashlib.sha256(request._request.body).hexdigest()
    row, made = _find_or_make(key, body_hash, request.path.rstrip("/")[:LONGEST_ROUTE], actor)
    if made:
        return Claim(row)
    if row.body_hash != body_hash:
        raise Invalid("This Idempotency-Key was used with another body.", code="idempotency_key_reused")
    if row.status is None:
        raise Conflict("The first request with this Idempotency-Key is still running.", code="idempotency_in_progress")
    raise Replay(Response(row.body, row.status, headers={**row.headers, "Idempotent-Replayed": "true"}))


def keep(claimed: Claim, answer: Response) -> None:
    """Store the answer under the claimed key. One that says "again" or "we failed" frees the key instead."""
    if answer.status_code >= 500 or answer.status_code in NOT_KEPT:
        release(claimed)
        return
    StoredAnswer.system.filter(pk=claimed.row.pk).update(
        status=answer.status_code,
        body=json.loads(json.dumps(getattr(answer, "data", None), cls=JSONEncoder)),
        headers={name: value for name, value in answer.headers.items() if name.startswith("X-") or name == "ETag"},
    )


def release(claimed: Claim | None) -> None:
    """Free the key: nothing was done under it."""
    if claimed is not None:
        StoredAnswer.system.filter(pk=claimed.row.pk).delete()


def _find_or_make(key: str, body_hash: str, route: str, actor: Actor) -> tuple[StoredAnswer, bool]:
    now = clock.now()
    mine = StoredAnswer.system.filter(tenant_id=actor.tenant_id, identity=actor.name, route=route, key=key)
    mine.filter(created_at__lte=now - KEPT).delete()
    return StoredAnswer.system.get_or_create(
        tenant_id=actor.tenant_id,
        identity=actor.name,
        route=route,
        key=key,
        defaults={"body_hash": body_hash, "created_at": now},
    )
