"""Functions of dates; working days are those of the scope's calendar, days those of the procedure's time zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import Evaluation, Value, utc_text
from procedures.ckp.expressions.functions.base import Catalogue
from procedures.ckp.expressions.moments import (
    SECONDS,
    UNITS,
    Moment,
    check_format,
    day_of,
    elapsed,
    formatted,
    in_zone,
    moment_text,
    parsed,
    read_moment,
    shifted,
)
from procedures.ckp.expressions.operators import number_of, text_of
from procedures.ckp.names import nearest

DATES: Final = Catalogue()
_MOST: Final = 10**9
_DAY: Final = timedelta(days=1)


def checked_unit(value: Value) -> None:
    """Refuse a literal that is no unit."""
    if value not in UNITS:
        near = nearest(value, UNITS) if isinstance(value, str) else None
        raise EvaluationError(
            "argument", f"Units are {', '.join(UNITS)}" + (f"; did you mean {near}?" if near else ".")
        )


def checked_format(value: Value) -> None:
    """Refuse a literal that is no date format."""
    if value is not None:
        check_format(text_of(value))


def moment_of(value: Value) -> Moment:
    """The day or time of an ISO text. Raises EvaluationError."""
    return read_moment(text_of(value))


def day(ev: Evaluation, value: Value) -> date:
    """The day of an ISO text in the procedure's time zone."""
    return day_of(moment_of(value), ev.zone())


def whole(value: Value) -> int:
    """A whole number of reasonable size. Raises EvaluationError (argument)."""
    number = number_of(value)
    if not isinstance(number, int) or abs(number) > _MOST:
        raise EvaluationError("argument", "A whole number is needed.")
    return number


@DATES("today", timeless=False)
def today(ev: Evaluation) -> Value:
    """The date in the procedure's time zone, fixed at node entry."""
    return ev.today().isoformat()


@DATES("now", timeless=False)
def now(ev: Evaluation) -> Value:
    """The UTC time, fixed at node entry."""
    return utc_text(ev.now())


@DATES("parse_date", checks={"format": checked_format})
def parse_date(ev: Evaluation, text: Value, format: Value = None) -> Value:
    """ISO text of a date written in a format; without a format the text must be ISO."""
    return moment_text(moment_of(text) if format is None else parsed(text_of(text), text_of(format)))


@DATES("format_date", timeless=False, checks={"format": checked_format})
def format_date(ev: Evaluation, d: Value, format: Value) -> Value:
    """The date in a format, times in the procedure's time zone."""
    return formatted(in_zone(moment_of(d), ev.zone()), text_of(format))


@DATES("date_add", timeless=False, checks={"unit": checked_unit})
def date_add(ev: Evaluation, d: Value, n: Value, unit: Value) -> Value:
    """The date moved by n units; months and years are cut to the month's end."""
    checked_unit(unit)
    moment, count = moment_of(d), whole(n)
    if unit == "business_days":
        return moment_text(shifted(moment, ev.zone(), days=_business_shift(ev, day_of(moment, ev.zone()), count)))
    if unit in ("years", "months"):
        return moment_text(shifted(moment, ev.zone(), months=count * (12 if unit == "years" else 1)))
    if unit in ("weeks", "days"):
        return moment_text(shifted(moment, ev.zone(), days=count * (7 if unit == "weeks" else 1)))
    return moment_text(elapsed(moment, count * SECONDS[unit]))


@DATES("date_diff", timeless=False, checks={"unit": checked_unit})
def date_diff(ev: Evaluation, a: Value, b: Value, unit: Value) -> Value:
    """Whole units from a to b, negative when b is earlier."""
    checked_unit(unit)
    if unit == "business_days":
        return business_days_between(ev, a, b)
    start, end = in_zone(moment_of(a), ev.zone()), in_zone(moment_of(b), ev.zone())
    if end < start:
        return -_units_between(end, start, unit)
    return _units_between(start, end, unit)


def _units_between(start: datetime, end: datetime, unit: str) -> int:
    if unit in ("years", "months"):
        return _whole_months(start.replace(tzinfo=None), end.replace(tzinfo=None)) // (12 if unit == "years" else 1)
    if unit in ("weeks", "days"):
        difference = end.replace(tzinfo=None) - start.replace(tzinfo=None)
    else:
        difference = end.astimezone(UTC) - start.astimezone(UTC)
    return int(difference.total_seconds()) // SECONDS[unit]


def _whole_months(start: datetime, end: datetime) -> int:
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - (in_zone(shifted(start, UTC, months=months), UTC) > in_zone(end, UTC))


@DATES("weekday", timeless=False)
def weekday(ev: Evaluation, d: Value) -> Value:
    """1 for Monday to 7 for Sunday."""
    return day(ev, d).isoweekday()


@DATES("is_business_day", timeless=False)
def is_business_day(ev: Evaluation, d: Value) -> Value:
    """Whether the calendar has the day as a working day."""
    return ev.scope.calendar.is_business_day(day(ev, d))


@DATES("next_business_day", timeless=False)
def next_business_day(ev: Evaluation, d: Value) -> Value:
    """The first working day after the date."""
    return add_business_days(ev, d, 1)


@DATES("add_business_days", timeless=False)
def add_business_days(ev: Evaluation, d: Value, n: Value) -> Value:
    """The date moved by n working days, backwards when n is negative."""
    return date_add(ev, d, n, "business_days")


@DATES("business_days_between", timeless=False)
def business_days_between(ev: Evaluation, a: Value, b: Value) -> Value:
    """Working days after a up to and including b; negative when b is earlier, then from b up to before a."""
    start, end = day(ev, a), day(ev, b)
    sign = 1 if end >= start else -1
    found = 0
    while start != end:
        following = start + sign * _DAY
        found += _working(ev, following)
        start = following
    return sign * found


@DATES("last_business_day_of_month", timeless=False)
def last_business_day_of_month(ev: Evaluation, d: Value) -> Value:
    """The last working day of the date's month."""
    return last_working_day(ev, day(ev, d)).isoformat()


def last_working_day(ev: Evaluation, given: date) -> date:
    """The last working day of a day's month; the month's end when it has none."""
    first = given.replace(day=1)
    end = shifted(first, ev.zone(), months=1, days=-1) if given < date(9999, 12, 1) else date(9999, 12, 31)
    for back in range(end.day):
        candidate = end - back * _DAY
        if _working(ev, candidate):
            return candidate
    return end


def _business_shift(ev: Evaluation, start: date, count: int) -> int:
    """Days from start to the count-th working day after it."""
    step = 1 if count > 0 else -1
    _moved(start, count)
    moved = 0
    while count:
        moved += step
        count -= step * _working(ev, _moved(start, moved))
    return moved


def _moved(start: date, days: int) -> date:
    try:
        return start + timedelta(days=days)
    except OverflowError:
        raise EvaluationError("range", "The date leaves the years 1 to 9999.") from None


def _working(ev: Evaluation, candidate: date) -> bool:
    ev.charge()
    return ev.scope.calendar.is_business_day(candidate)
