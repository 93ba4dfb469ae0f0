"""Schedules and durations."""

from datetime import UTC, datetime, timedelta

import pytest

from procedures.ckp.cron import CronFault, read_schedule
from procedures.ckp.durations import DurationFault, parse_duration

NOW = datetime(2026, 2, 9, 12, 30, tzinfo=UTC)
"""A Monday."""


def fires(text, zone="UTC", count=3, now=NOW):
    """The next fires as short texts."""
    return [fire.strftime("%a %d.%m. %H:%M") for fire in read_schedule(text).next_fires(now, zone, count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 9 * * 1-5", ["Tue 10.02. 09:00", "Wed 11.02. 09:00", "Thu 12.02. 09:00"]),
        ("*/20 * * * *", ["Mon 09.02. 12:40", "Mon 09.02. 13:00", "Mon 09.02. 13:20"]),
        ("0 0 * * 7", ["Sun 15.02. 00:00", "Sun 22.02. 00:00", "Sun 01.03. 00:00"]),
        ("0 0 * * SUN", ["Sun 15.02. 00:00", "Sun 22.02. 00:00", "Sun 01.03. 00:00"]),
        ("0 0 * * 5-7", ["Fri 13.02. 00:00", "Sat 14.02. 00:00", "Sun 15.02. 00:00"]),
        ("15,45 8 1 JAN,jul *", ["Wed 01.07. 08:15", "Wed 01.07. 08:45", "Fri 01.01. 08:15"]),
        ("0 12 13 * FRI", ["Fri 13.02. 12:00", "Fri 20.02. 12:00", "Fri 27.02. 12:00"]),
        ("0 12 14 * FRI", ["Fri 13.02. 12:00", "Sat 14.02. 12:00", "Fri 20.02. 12:00"]),
        ("10-50/20 6 * * *", ["Tue 10.02. 06:10", "Tue 10.02. 06:30", "Tue 10.02. 06:50"]),
        ("5/25 6 * * *", ["Tue 10.02. 06:05", "Tue 10.02. 06:30", "Tue 10.02. 06:55"]),
        ("@hourly", ["Mon 09.02. 13:00", "Mon 09.02. 14:00", "Mon 09.02. 15:00"]),
        ("@Weekly", ["Sun 15.02. 00:00", "Sun 22.02. 00:00", "Sun 01.03. 00:00"]),
        ("0 0 29 2 *", ["Tue 29.02. 00:00", "Sun 29.02. 00:00", "Fri 29.02. 00:00"]),
    ],
)
def test_schedules_fire_when_they_say(text, expected):
    assert fires(text) == expected


def test_schedules_live_in_their_time_zone():
    assert fires("0 9 * * *", "Asia/Tokyo", 1) == ["Tue 10.02. 09:00"]
    assert read_schedule("0 9 * * *").next_fires(NOW, "Asia/Tokyo", 1)[0].utcoffset() == timedelta(hours=9)


@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_day_that_does_not_exist_never_comes(text):
    assert not read_schedule(text).fires
    assert fires(text) == []


def test_a_weekday_comes_even_then():
    assert read_schedule("0 0 31 2 MON").fires


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "x * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "*-5 * * * *",
        "1,,2 * * * *",
        "@reboot",
        "² * * * *",
        "MON * * * *",
    ],
)
def test_other_texts_are_no_schedules(text):
    with pytest.raises(CronFault):
        read_schedule(text)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("90s", 90_000),
        ("15m", 900_000),
        ("4h", 14_400_000),
        ("2d", 172_800_000),
        ("3bd", 3 * 86_400_000),
        ("PT4H", 14_400_000),
        ("P1DT2H3M4.5S", 93_784_500),
        ("P2W", 1_209_600_000),
    ],
)
def test_durations_are_read(text, milliseconds):
    assert parse_duration(text).milliseconds == milliseconds


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("4", "CKP013"),
        ("h", "CKP013"),
        ("P", "CKP013"),
        ("PT", "CKP013"),
        ("-4h", "CKP013"),
        ("400d", "CKP014"),
        ("300bd", "CKP014"),
        ("P999999W", "CKP014"),
        ("999999999d", "CKP014"),
    ],
)
def test_other_texts_are_no_durations(text, code):
    with pytest.raises(DurationFault) as refused:
        parse_duration(text)
    assert refused.value.code == code
