"""Active time of a run: everything from its first claim on but waits for a person (runtime 10).

It counts from `active_from`. While a parked run waits for people only, `asleep_since` says since when it stands; when
that ends, `active_from` moves forward by as long.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Case, DateTimeField, ExpressionWrapper, F, When
from django.db.models.functions import Coalesce, Now

from orchestration.choices import WaitKind

PEOPLE: Final = frozenset({WaitKind.APPROVAL, WaitKind.BUDGET, WaitKind.OPERATOR})
"""Kinds of waits that a person ends."""


def sleeps(kinds: Iterable[str]) -> bool:
    """Whether a run that waits for these kinds waits for people only; one on hold does."""
    found = set(kinds)
    return WaitKind.OPERATOR in found or (bool(found) and found <= PEOPLE)


def stands() -> dict[str, Any]:
    """The values of a run's row with which its active time stands still from now on."""
    return {"asleep_since": Coalesce("asleep_since", Now())}


def counts() -> dict[str, Any]:
    """The values of a run's row with which its active time goes on."""
    moved = ExpressionWrapper(F("active_from") + (Now() - F("asleep_since")), output_field=DateTimeField())
    slept = When(asleep_since__isnull=False, then=moved)
    return {"active_from": Case(slept, default=F("active_from")), "asleep_since": None}
