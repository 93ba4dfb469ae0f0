"""Active time of a run: everything from its first claim on but waits for a person, its own or a child's (runtime 10).

It counts from `active_from`. While a parked run waits for people only, `asleep_since` says since when it stands; when
that ends, `active_from` moves forward by as long.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Case, DateTimeField, ExpressionWrapper, F, When
from django.db.models.functions import Coalesce, Now

from orchestration.choices import PARKED, VisitState, WaitKind
from orchestration.models import Run, Visit, Wait

PEOPLE: Final = frozenset({WaitKind.APPROVAL, WaitKind.BUDGET, WaitKind.OPERATOR})
"""Kinds of waits that a person ends."""


def sleeps(waits: Iterable[Wait]) -> bool:
    """Whether a run with these open waits waits for people only, be it through its children; one on hold does."""
    found = list(waits)
    kinds = {wait.kind for wait in found}
    if WaitKind.OPERATOR in kinds or not kinds:
        return bool(kinds)
    awaited = [wait.ref for wait in found if wait.kind == WaitKind.SUBFLOW]
    return kinds <= PEOPLE | {WaitKind.SUBFLOW} and _asleep(awaited) == len(awaited)


def _asleep(run_ids: Sequence[str]) -> int:
    if not run_ids:
        return 0
    return Run.system.filter(pk__in=run_ids, status__in=PARKED, asleep_since__isnull=False).count()


def is_limited(run_id: UUID) -> bool:
    """Whether anything of a run must end within an active time: it, or an open visit."""
    whole = Run.system.filter(pk=run_id, document__canonical__global_config__timeout_ms__isnull=False)
    return whole.exists() or Visit.objects.filter(run=run_id, state=VisitState.OPEN, data__has_key="timeout").exists()


def stands() -> dict[str, Any]:
    """The values of a run's row with which its active time stands still from now on."""
    return {"asleep_since": Coalesce("asleep_since", Now())}


def counts() -> dict[str, Any]:
    """The values of a run's row with which its active time goes on."""
    moved = ExpressionWrapper(F("active_from") + (Now() - F("asleep_since")), output_field=DateTimeField())
    slept = When(asleep_since__isnull=False, then=moved)
    return {"active_from": Case(slept, default=F("active_from")), "asleep_since": None}
