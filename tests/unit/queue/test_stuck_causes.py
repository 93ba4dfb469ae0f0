"""When a run is stuck, and what is said of it (runtime 4.5)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.stuck_causes import InFlight, OpenWait, Situation, stuck

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
EARLY, JUST_NOW, LATER = NOON - timedelta(hours=2), NOON - timedelta(minutes=5), NOON + timedelta(hours=2)
RUNNING = Situation("running", EARLY, place="scan", worker="w1", lease_until=LATER)
QUEUED = Situation("created", EARLY)
PARKED = Situation("paused", EARLY)


def cause(now: Situation) -> str:
    found = stuck(now, NOON, HALF_AN_HOUR, lambda moment: f"{moment:%H:%M}")
    return found.cause if found else ""


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (RUNNING, "Worker w1 has recorded nothing since 10:00, last at scan"),
        (replace(RUNNING, cancel_requested=True), "Cancel was asked for, and worker w1 does not stop"),
        (
            replace(RUNNING, step=InFlight("scan", "s1", "read_page", EARLY)),
            "read_page at scan, step s1, was begun at 10:00 and has not ended",
        ),
        (
            replace(RUNNING, lease_until=JUST_NOW),
            "The lease of worker w1 ran out at 11:55 and nobody took the run over",
        ),
        (QUEUED, "Ready, and no worker takes it: no run is at work anywhere, so no worker is running"),
        (replace(QUEUED, at_work=1), "Ready, and no worker takes it: the workers are at 1 run that do not end"),
        (PARKED, "Parked, and it waits for nothing that could wake it"),
    ],
)
def test_the_cause_is_named(now: Situation, words: str):
    assert cause(now).startswith(words)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("approval", "The decision at ask was due at 10:00 and nobody acted"),
        ("callback", "The answer of the agent at ask was due"),
        ("timer", "The end of the wait at ask"),
        ("retry", "The next try at ask"),
        ("capacity", "The end of the wait for a free place at ask"),
        ("budget", "The end of the wait for money at ask"),
        ("subflow", "The end of the child run at ask"),
    ],
)
def test_what_is_overdue_is_named(kind: str, words: str):
    assert cause(replace(PARKED, waits=[OpenWait(kind, "ask", EARLY)])).startswith(words)


@pytest.mark.parametrize(
    "now",
    [
        replace(RUNNING, since=JUST_NOW),
        replace(QUEUED, since=JUST_NOW),
        replace(QUEUED, limited=True),
        replace(PARKED, since=JUST_NOW),
        replace(PARKED, waits=[OpenWait("approval", "ask", None)]),
        replace(PARKED, waits=[OpenWait("timer", "nap", LATER)]),
        replace(PARKED, waits=[OpenWait("timer", "nap", JUST_NOW)]),
        replace(PARKED, waits=[OpenWait("timer", "nap", EARLY), OpenWait("operator", "", None)]),
    ],
)
def test_who_waits_for_good_reason_is_not_stuck(now: Situation):
    assert not cause(now)


def test_since_when():
    late = replace(PARKED, waits=[OpenWait("timer", "nap", EARLY), OpenWait("retry", "call", JUST_NOW)])
    assert stuck(late, NOON, HALF_AN_HOUR, str).since == EARLY
