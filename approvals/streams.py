"""Approvals as a stream: all open ones first, then each change, once per connection (SSE)."""

import json
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from rest_framework.utils.encoders import JSONEncoder

from approvals import selectors
from approvals.api.serializers import shown_all
from approvals.choices import Status
from approvals.models import Approval
from langorch.lib import clock, groups
from langorch.lib.sse import Look, Stream
from tenants import selectors as people
from tenants.actor import Actor

BATCH: Final = 100
AGAIN: Final = timedelta(seconds=10)
"""How far back each look reads again, because changes become visible out of turn."""


class ApprovalStream(Stream):
    """The body of one stream of what one person may see."""

    look_seconds: ClassVar[float] = 2.0

    def __init__(self, actor: Actor) -> None:
        super().__init__(groups.approvals(actor.tenant_id), actor.name)
        self._actor = actor
        self._sent: dict[UUID, datetime] = {}
        self._last_open: UUID | None = UUID(int=0)

    def look(self) -> Look:
        rows = self._open() if self._last_open is not None else self._changed()
        fresh = [row for row in rows if self._sent.get(row.pk) != row.updated_at]
        self._sent |= {row.pk: row.updated_at for row in fresh}
        data = shown_all(self._actor, fresh)
        return Look("".join(message(one) for one in data), more=self._last_open is not None)

    def allowed(self) -> bool:
        actor = people.renewed(self._actor)
        if actor is not None:
            self._actor = actor
        return actor is not None

    def _open(self) -> list[Approval]:
        rows = selectors.visible_to(self._actor).filter(status=Status.PENDING, pk__gt=self._last_open)
        found = list(selectors.with_details(rows.order_by("pk"))[:BATCH])
        self._last_open = found[-1].pk if len(found) == BATCH else None
        return found

    def _changed(self) -> list[Approval]:
        since = clock.now() - AGAIN
        self._sent = {key: changed for key, changed in self._sent.items() if changed >= since}
        rows = selectors.visible_to(self._actor).filter(updated_at__gte=since)
        return list(selectors.with_details(rows.order_by("updated_at", "pk")))


def message(approval: object) -> str:
    """One ApprovalOut on the wire."""
    data = json.dumps(approval, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
    return f"event: approval_update\ndata: {data}\n\n"
