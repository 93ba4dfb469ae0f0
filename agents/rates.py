"""Taking tokens out of buckets that all workers share, on the database's clock (runtime 13)."""

from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from agents.models import RateBucket
from langorch.lib import ids

_TAKE: Final = {
    "postgresql": """
UPDATE agents_ratebucket SET refilled_at = clock_timestamp(), tokens = LEAST(%(rate)s::float8, tokens
    + GREATEST(0, EXTRACT(EPOCH FROM clock_timestamp() - refilled_at)::float8) * %(rate)s / 60) - 1
WHERE tenant_id = %(tenant)s AND name = %(name)s RETURNING tokens
""",
    "sqlite": """
UPDATE agents_ratebucket SET refilled_at = strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'), tokens = MIN(%(rate)s, tokens
    + MAX(0, julianday('now') - julianday(refilled_at)) * 86400 * %(rate)s / 60.0) - 1
WHERE tenant_id = %(tenant)s AND name = %(name)s RETURNING tokens
""",
}


def take(tenant_id: UUID, name: str, a_minute: int) -> float:
    """Take a token from a bucket that holds and regains `a_minute`; in how many seconds it is there.

    Tokens are given in the order in which they are asked for. One that is not waited for goes back: `give_back`.
    """
    left = _take(tenant_id, name, a_minute)
    if left is None:
        full = RateBucket(id=ids.uuid7(), tenant_id=tenant_id, name=name, tokens=a_minute, refilled_at=Now())
        RateBucket.system.bulk_create([full], ignore_conflicts=True)
        left = _take(tenant_id, name, a_minute) or 0.0
    return max(0.0, -left * 60 / a_minute)


def give_back(tenant_id: UUID, name: str) -> None:
    """Put a token back that nobody waits for."""
    RateBucket.system.filter(tenant_id=tenant_id, name=name).update(tokens=F("tokens") + 1)


def _take(tenant_id: UUID, name: str, a_minute: int) -> float | None:
    tenant = tenant_id if connection.vendor == "postgresql" else tenant_id.hex
    with connection.cursor() as cursor:
        cursor.execute(_TAKE[connection.vendor], {"rate": a_minute, "tenant": tenant, "name": name})
        row = cursor.fetchone()
    return None if row is None else float(row[0])
