"""Durations as documents write them: `90s`, `15m`, `4h`, `2d`, `3bd`, ISO 8601."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_SHORT: Final = re.compile(r"(\d{1,9})(s|m|h|bd|d)")
_ISO: Final = re.compile(
    r"P(?!$)(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?!$)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,3})?)S)?)?"
)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST: Final = timedelta(days=366)
MOST_BUSINESS_DAYS: Final = 260


class DurationFault(ValueError):
    """A text is no duration, or one out of range: `code` is CKP013 or CKP014."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time: clock time, or business days of a calendar."""

    clock: timedelta = timedelta()
    business_days: int = 0

    @property
    def milliseconds(self) -> int:
        """Clock time in milliseconds; a business day counts as a day."""
        return round((self.clock + timedelta(days=self.business_days)) / timedelta(milliseconds=1))


def parse_duration(text: str) -> Length:
    """Reads a duration. Raises DurationFault."""
    length = _short(text) or _iso(text)
    if length is None:
        raise DurationFault("CKP013", "is not a duration")
    if length.clock > LONGEST or length.business_days > MOST_BUSINESS_DAYS:
        raise DurationFault("CKP014", "is longer than a year")
    return length


def _short(text: str) -> Length | None:
    match = _SHORT.fullmatch(text)
    if match is None:
        return None
    count, unit = int(match[1]), match[2]
    if unit == "bd":
        return Length(business_days=count)
    return Length(clock=_bounded(**{_UNITS[unit]: count}))


def _iso(text: str) -> Length | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return Length(clock=_bounded(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds))


def _bounded(**parts: float) -> timedelta:
    try:
        return timedelta(**parts)
    except OverflowError:
        return LONGEST + timedelta(days=1)
