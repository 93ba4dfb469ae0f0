"""Five-field schedules: their syntax, whether they ever fire, and when next (CKP 1.3)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from croniter import croniter

ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTH_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART: Final = re.compile(r"(\*|[0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?(?:/(\d{1,3}))?")


class CronFault(ValueError):
    """A schedule that cannot be read; the message names the field."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first: int = 0


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("weekday", 0, 7, _DAYS, 0),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that was read. Each field holds the values at which it matches, `text` lists them."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    every_weekday: bool

    @property
    def fires(self) -> bool:
        """Whether any day matches. Where both day fields are restricted, either suffices."""
        return not self.every_weekday or any(
            day <= _MONTH_LENGTHS[month - 1] for month in self.months for day in self.days
        )

    def next_fires(self, now: datetime, timezone: str, count: int = 5) -> list[datetime]:
        """The next fires after an aware time, in the schedule's time zone."""
        if not self.fires:
            return []
        times = croniter(self.text, now.astimezone(ZoneInfo(timezone)), max_years_between_matches=40)
        return [times.get_next(datetime) for _ in range(count)]


def read_schedule(text: str) -> Schedule:
    """Reads a schedule. Raises CronFault."""
    plain = ALIASES.get(text.strip().lower(), text)
    parts = plain.split()
    if plain.startswith("@"):
        raise CronFault(f"'{plain[:40]}' is no schedule; known are {', '.join(ALIASES)}")
    if len(parts) != len(_FIELDS):
        raise CronFault(f"a schedule has five fields, not {len(parts)}")
    minutes, hours, days, months, weekdays = (_values(part, field) for part, field in zip(parts, _FIELDS, strict=True))
    weekdays = frozenset(day % 7 for day in weekdays)
    listed = zip(parts, (minutes, hours, days, months, weekdays), strict=True)
    text = " ".join("*" if part == "*" else ",".join(map(str, sorted(values))) for part, values in listed)
    return Schedule(text, minutes, hours, days, months, weekdays, parts[4] == "*")


def _values(text: str, field: _Field) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise CronFault(f"'{part[:40]}' cannot stand in the field {field.name}")
        found.update(_range(part, match, field))
    return frozenset(found)


def _range(part: str, match: re.Match[str], field: _Field) -> range:
    begin, end, step = match.groups()
    width = int(step) if step else 1
    if width == 0:
        raise CronFault(f"the step of '{part}' is 0")
    if begin == "*":
        if end:
            raise CronFault(f"'{part[:40]}' cannot stand in the field {field.name}")
        return range(field.low, field.high + 1, width)
    low = _number(begin, field)
    high = _number(end, field) if end else (field.high if step else low)
    if low > high:
        raise CronFault(f"the range '{part}' runs backwards")
    return range(low, high + 1, width)


def _number(text: str, field: _Field) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.first
    if not text.isascii() or not text.isdigit() or not field.low <= int(text) <= field.high:
        raise CronFault(f"'{text[:40]}' is no {field.name}: {field.low} to {field.high}")
    return int(text)
