"""One of several processes leads; a row says which. Leading only saves work: every job is safe to run twice."""

from datetime import datetime, timedelta

from django.db.models import Q

from langorch.lib import clock
from langorch.models import Leadership

LIFE = timedelta(seconds=60)
RENEWED_EVERY = timedelta(seconds=15)


def leads(name: str, holder: str) -> bool:
    """Whether `holder` leads `name` now. Takes over when nobody does; writes at most once in 15 seconds."""
    now = clock.now()
    row = Leadership.objects.filter(name=name).first()
    if row is None:
        return Leadership.objects.get_or_create(name=name, defaults={"holder": holder, "until": now + LIFE})[1]
    if row.until > now and row.holder != holder:
        return False
    if row.until > now + LIFE - RENEWED_EVERY:
        return True
    return _take(name, holder, now)


def step_down(name: str, holder: str) -> None:
    """Let another lead at once."""
    Leadership.objects.filter(name=name, holder=holder).delete()


def _take(name: str, holder: str, now: datetime) -> bool:
    free = Q(holder=holder) | Q(until__lte=now)
    return Leadership.objects.filter(free, name=name).update(holder=holder, until=now + LIFE) == 1
