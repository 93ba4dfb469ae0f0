"""Times in words, at noon of 20 November 2026 in Oslo."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from langorch.lib import moments

NOW = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
OSLO = moments.Zone(ZoneInfo("Europe/Oslo"), "Europe/Oslo")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.01, "< 0.1 s"),
        (0.4, "0.4 s"),
        (4, "4 s"),
        (9.96, "9 s"),
        (48.7, "48 s"),
        (113, "1 min 53 s"),
        (120, "2 min"),
        (614, "10 min"),
        (3599, "59 min"),
        (9240, "2 h 34 min"),
        (40_000, "11 h"),
        (100_000, "1 d 3 h"),
        (800_000, "9 d"),
        (-5, "0 s"),
    ],
)
def test_duration_uses_at_most_two_units(seconds, words):
    assert moments.duration(seconds) == words


@pytest.mark.parametrize(
    ("back", "words"),
    [
        (timedelta(seconds=12), "12 s"),
        (timedelta(hours=2, minutes=34), "2 h 34 min"),
        (timedelta(hours=26), "1 d"),
        (timedelta(days=6, hours=23), "6 d"),
        (timedelta(days=8), "12 Nov"),
        (timedelta(days=400), "16 Oct 2025"),
    ],
)
def test_ago_turns_into_a_date_after_a_week(back, words):
    assert moments.ago(NOW - back, NOW, OSLO) == words


def test_ago_carries_its_suffix_only_while_it_is_relative():
    assert moments.ago(NOW - timedelta(minutes=3), NOW, OSLO, suffix="ago") == "3 min ago"
    assert moments.ago(NOW - timedelta(days=8), NOW, OSLO, suffix="ago") == "12 Nov"


def test_ago_of_a_clock_that_runs_ahead_is_now():
    assert moments.ago(NOW + timedelta(seconds=2), NOW, OSLO) == "0 s"


@pytest.mark.parametrize(
    ("ahead", "long", "chip", "urgency"),
    [
        (timedelta(minutes=-20), "20 min overdue, since 11:40", "20 min overdue", "overdue"),
        (timedelta(minutes=70), "in 1 h 10 min, at 13:10", "due in 1 h 10 min", "soon"),
        (timedelta(hours=5), "in 5 h, at 17:00", "today 17:00", "pending"),
        (timedelta(days=3), "in 3 d, on 23 Nov 12:00", "Mon 12:00", "pending"),
        (timedelta(days=50), "9 Jan 2027 12:00", "9 Jan 2027", "pending"),
    ],
)
def test_due_times_say_how_long_and_when(ahead, long, chip, urgency):
    assert moments.until(NOW + ahead, NOW, OSLO) == long
    assert moments.due(NOW + ahead, NOW, OSLO) == chip
    assert moments.urgency(NOW + ahead, NOW) == urgency


def test_the_day_is_that_of_the_zone():
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    assert moments.at(late, NOW, OSLO) == "00:30"
    assert moments.at(late, NOW, moments.Zone(UTC, "UTC"), seconds=True) == "19 Nov 23:30:00"
    assert moments.exact(late, OSLO) == "2026-11-20 00:30:00 Europe/Oslo"
