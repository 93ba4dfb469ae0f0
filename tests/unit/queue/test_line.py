"""The order of claims, told before they happen (runtime 4.1)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from orchestration.line import Ready, claim_order

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BUSY, QUIET = UUID(int=1), UUID(int=2)


def ready(number: int, place: UUID = BUSY, priority: int = 0, *, later: bool = False) -> Ready:
    return Ready(UUID(int=number), place, priority, NOON + timedelta(seconds=number), later)


def order(*jobs: Ready, at_work: dict[UUID, int] | None = None) -> list[int]:
    return [one.run_id.int for one in claim_order(jobs, at_work or {})]


def test_priority_then_age():
    assert order(ready(3), ready(1), ready(2, priority=5)) == [2, 1, 3]


def test_places_take_turns_among_equals():
    assert order(ready(1), ready(2), ready(3), ready(4, QUIET), ready(5, QUIET)) == [1, 4, 2, 5, 3]
    assert order(ready(1), ready(2), ready(4, QUIET), at_work={BUSY: 1}) == [4, 1, 2]


def test_what_is_due_later_comes_last():
    assert order(ready(1, priority=9, later=True), ready(2), ready(3, QUIET)) == [2, 3, 1]


def test_nothing():
    assert order() == []
