"""What happens by itself, and when."""

from datetime import UTC, datetime, timedelta

from approvals.rules.audience import Named
from approvals.rules.escalation import Move, Step, end_verdict, next_move

OPENED = datetime(2026, 3, 2, 12, tzinfo=UTC)
DUE = OPENED + timedelta(hours=1)
CHIEF = Step(Named(users=frozenset({"chief"})))
AFTER_TEN = Step(Named(), mode="add", after=600)
BEFORE_DUE = Step(Named(), mode="notify", before_due=300)


def minutes(number: float) -> datetime:
    return OPENED + timedelta(minutes=number)


def test_without_a_due_time_nothing_happens():
    assert next_move([CHIEF], [], OPENED, None, "escalate") is None


def test_at_the_due_time_it_ends():
    assert next_move([], [], OPENED, DUE, "auto_reject") == Move(DUE)


def test_untimed_steps_act_one_by_one_when_time_is_up():
    assert next_move([CHIEF, CHIEF], [], OPENED, DUE, "escalate") == Move(DUE, 0)
    assert next_move([CHIEF, CHIEF], [0], OPENED, DUE, "escalate") == Move(DUE, 1)
    assert next_move([CHIEF, CHIEF], [0, 1], OPENED, DUE, "escalate") == Move(DUE)


def test_untimed_steps_wait_for_the_action_escalate():
    assert next_move([CHIEF], [], OPENED, DUE, "auto_reject") == Move(DUE)


def test_timed_steps_act_whatever_the_action_says():
    steps = [CHIEF, BEFORE_DUE, AFTER_TEN]
    assert next_move(steps, [], OPENED, DUE, "") == Move(minutes(10), 2)
    assert next_move(steps, [2], OPENED, DUE, "") == Move(minutes(55), 1)
    assert next_move(steps, [2, 1], OPENED, DUE, "") == Move(DUE)


def test_a_time_before_the_due_time_needs_one():
    assert next_move([BEFORE_DUE], [], OPENED, None, "") is None
    assert next_move([AFTER_TEN], [], OPENED, None, "") == Move(minutes(10), 0)


def test_the_end_follows_the_action():
    assert [end_verdict(action) for action in ("auto_approve", "auto_reject", "escalate", "")] == [
        "approved",
        "rejected",
        "timeout",
        "timeout",
    ]
