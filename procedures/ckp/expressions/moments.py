"""Dates and times as ISO texts: reading, writing, formats, shifting by calendar units (CKP 3.3)."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final, TypeAlias

from procedures.ckp.expressions.errors import EvaluationError

Moment: TypeAlias = date | datetime
"""A day, or a time; a time without zone is meant in the procedure's zone."""

UNITS: Final = ("years", "months", "weeks", "days", "hours", "minutes", "seconds", "business_days")
SECONDS: Final = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
MAX_FORMAT: Final = 200
DIRECTIVES: Final = frozenset("YmdHMSjaAbBVz%")

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_OUTSIDE: Final = "The date leaves the years 1 to 9999."
_WIDTHS: Final = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "j": 3}


def read_moment(text: str) -> Moment:
    """The day or time that an ISO text spells. Raises EvaluationError (argument)."""
    found = _ISO.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month, day = int(found[1]), int(found[2]), int(found[3])
        if found[4] is None:
            return date(year, month, day)
        micro = int((found[7] or "").ljust(6, "0"))
        zone = _zone(found[8]) if found[8] else None
        return datetime(year, month, day, int(found[4]), int(found[5]), int(found[6] or 0), micro, zone)
    except ValueError:
        raise EvaluationError("argument", f"“{text[:80]}” is no date such as 2026-02-09 or a time.") from None


def _zone(text: str) -> tzinfo:
    found = _OFFSET.fullmatch(text)
    if found is None:
        return UTC
    if int(found[3]) > 59:
        raise ValueError
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset) if offset else UTC


def moment_text(moment: Moment) -> str:
    """ISO text; UTC is written `Z`, parts of a second only where there are any."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond % 1000 == 0 else "microseconds")
    text = text.replace(".000", "", 1) if moment.microsecond == 0 else text
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def in_zone(moment: Moment, zone: tzinfo) -> datetime:
    """The moment as a time in the zone; a day begins at midnight."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), zone)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(zone)
    except OverflowError:
        raise EvaluationError("range", _OUTSIDE) from None


def day_of(moment: Moment, zone: tzinfo) -> date:
    """The day of the moment in the zone."""
    return in_zone(moment, zone).date() if isinstance(moment, datetime) else moment


def shifted(moment: Moment, zone: tzinfo, *, months: int = 0, days: int = 0) -> Moment:
    """The moment moved by calendar months, cut to the month's end, and days, at the same time of the day.

    Raises EvaluationError (range) outside the years 1 to 9999.
    """
    try:
        return _shifted(moment, zone, months, days)
    except (ValueError, OverflowError):
        raise EvaluationError("range", _OUTSIDE) from None


def _shifted(moment: Moment, zone: tzinfo, months: int, days: int) -> Moment:
    local = in_zone(moment, zone) if isinstance(moment, datetime) and moment.tzinfo else moment
    index = local.year * 12 + local.month - 1 + months
    year, month = index // 12, index % 12 + 1
    if not 1 <= year <= 9999:
        raise ValueError
    day = min(local.day, calendar.monthrange(year, month)[1])
    moved: Moment = local.replace(year=year, month=month, day=day) + timedelta(days=days)
    if isinstance(moved, datetime) and isinstance(moment, datetime) and moment.tzinfo:
        return moved.astimezone(moment.tzinfo)
    return moved


def elapsed(moment: Moment, seconds: int) -> Moment:
    """The moment moved by so many seconds; a day counts as its midnight. Raises EvaluationError (range)."""
    start = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        raise EvaluationError("range", _OUTSIDE) from None


def check_format(format_: str) -> None:
    """Raise EvaluationError (argument) for a format with an unknown directive."""
    if len(format_) > MAX_FORMAT:
        raise EvaluationError("argument", f"A format has at most {MAX_FORMAT} characters.")
    for directive in _directives(format_):
        if directive not in DIRECTIVES:
            raise EvaluationError("argument", f"There is no directive %{directive} in a date format.")


def _directives(format_: str) -> list[str]:
    return re.findall(r"%(.?)", format_, re.DOTALL)


def formatted(moment: datetime, format_: str) -> str:
    """The time in a format; names of days and months are English. Raises EvaluationError (argument)."""
    check_format(format_)
    return re.sub(r"%(.)", lambda found: _directive_text(moment, found[1]), format_)


def _directive_text(moment: datetime, directive: str) -> str:
    numbers = {"Y": moment.year, "m": moment.month, "d": moment.day, "H": moment.hour, "M": moment.minute}
    numbers |= {"S": moment.second, "j": moment.timetuple().tm_yday, "V": moment.isocalendar().week}
    if directive in numbers:
        return str(numbers[directive]).zfill(_WIDTHS.get(directive, 2))
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    names = {"A": day, "a": day[:3], "B": month, "b": month[:3], "z": moment.strftime("%z"), "%": "%"}
    return names[directive]


def parsed(text: str, format_: str) -> Moment:
    """The day or time that a text spells in a format. Raises EvaluationError (argument)."""
    check_format(format_)
    reader = _Reader(text)
    index = 0
    while index < len(format_):
        char = format_[index]
        if char == "%":
            reader.directive(format_[index + 1])
        else:
            reader.literal(char)
        index += 2 if char == "%" else 1
    return reader.moment()


@dataclass(slots=True)
class _Reader:
    """Reads a text from left to right."""

    text: str
    index: int = 0
    parts: "dict[str, int] | None" = None
    zone: tzinfo | None = None

    def fail(self) -> EvaluationError:
        return EvaluationError("argument", f"“{self.text[:80]}” does not fit the date format.")

    def literal(self, char: str) -> None:
        if not self.text.startswith(char, self.index):
            raise self.fail()
        self.index += 1

    def directive(self, directive: str) -> None:
        if directive == "%":
            self.literal("%")
        elif directive in _WIDTHS:
            self._keep(directive, self._digits(_WIDTHS[directive]))
        elif directive in "aAbB":
            self._name(directive)
        elif directive == "z":
            self._offset()
        else:
            raise EvaluationError("argument", f"%{directive} cannot be read, only written.")

    def _keep(self, directive: str, value: int) -> None:
        self.parts = {**(self.parts or {}), directive: value}

    def _digits(self, width: int) -> int:
        least = 4 if width == 4 else 1
        found = re.compile(rf"[0-9]{{{least},{width}}}").match(self.text, self.index)
        if found is None:
            raise self.fail()
        self.index = found.end()
        return int(found[0])

    def _name(self, directive: str) -> None:
        names = _DAYS if directive in "aA" else _MONTHS
        for number, name in enumerate(names, 1):
            shown = name if directive.isupper() else name[:3]
            if self.text[self.index : self.index + len(shown)].lower() == shown.lower():
                self.index += len(shown)
                if directive in "bB":
                    self._keep("m", number)
                return
        raise self.fail()

    def _offset(self) -> None:
        found = re.compile(r"Z|[+-][0-9]{2}:?[0-9]{2}").match(self.text, self.index)
        if found is None:
            raise self.fail()
        self.index = found.end()
        try:
            self.zone = _zone(found[0])
        except ValueError:
            raise self.fail() from None

    def moment(self) -> Moment:
        parts = self.parts or {}
        if self.index != len(self.text) or "Y" not in parts:
            raise self.fail()
        try:
            day = date(parts["Y"], parts.get("m", 1), parts.get("d", 1))
            if "j" in parts:
                day = date(parts["Y"], 1, 1) + timedelta(days=parts["j"] - 1)
            if not {"H", "M", "S"} & parts.keys():
                return day
            clock = time(parts.get("H", 0), parts.get("M", 0), parts.get("S", 0), tzinfo=self.zone)
            return datetime.combine(day, clock)
        except (ValueError, OverflowError):
            raise self.fail() from None
