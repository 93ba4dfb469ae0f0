"""Times and lengths of time as documents give them (CKP 0, 2.14). Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from langorch.lib import clock
from orchestration.runtime.outcomes import Error, Json, StepFailed
from procedures.ckp.durations import LONGEST, DurationFault, Length, parse_duration
from procedures.ckp.kinds import LONGEST_MS
from procedures.ckp.values import read_number


def milliseconds(value: Json) -> float:
    """Whole milliseconds, at most 31 days of them, or text of that. Raises `StepFailed` (invalid_value)."""
    number = read_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or number is None or isinstance(number, list | dict | str) or number % 1:
        raise StepFailed(Error("invalid_value", f"{value!r} is no number of milliseconds."))
    if not 0 <= number <= LONGEST_MS:
        raise StepFailed(Error("invalid_value", f"{value!r} milliseconds are not between 0 and 31 days."))
    return float(number)


def length(value: Json) -> Length:
    """A duration as text. Raises `StepFailed` (invalid_value)."""
    try:
        return parse_duration(str(value))
    except DurationFault as fault:
        raise StepFailed(Error("invalid_value", f"{value!r} {fault}.")) from None


def after(start: datetime, duration: Json, zone: str) -> datetime:
    """The moment a duration after `start`; business days are Monday to Friday in `zone`."""
    wanted = length(duration)
    moment = (start + wanted.clock).astimezone(ZoneInfo(zone))
    for _ in range(wanted.business_days):
        moment += timedelta(days=1)
        while moment.weekday() >= 5:
            moment += timedelta(days=1)
    return moment.astimezone(UTC)


def wait_length(action: str, fields: Mapping[str, Json], begun: datetime, zone: str) -> float:
    """How long a `wait` or `wait_until` step that has begun then waits, in milliseconds; a past time is nothing.

    Raises `StepFailed` (invalid_value).
    """
    if action == "wait_until":
        until = read_until(fields.get("until"), begun, str(fields.get("timezone") or zone))
        return max((until - clock.now()) / timedelta(milliseconds=1), 0)
    if fields.get("duration_ms") is not None:
        return milliseconds(fields["duration_ms"])
    return (after(begun, fields.get("duration"), zone) - begun) / timedelta(milliseconds=1)


def read_until(value: Json, now: datetime, zone: str) -> datetime:
    """A date, a date with time, or `HH:MM` of today in `zone`. Raises `StepFailed` (invalid_value)."""
    text = str(value or "")
    local = now.astimezone(ZoneInfo(zone))
    try:
        if len(text) == 5 and text[2] == ":":
            found = datetime.combine(local.date(), time.fromisoformat(text), local.tzinfo)
        else:
            found = datetime.fromisoformat(text)
    except ValueError:
        raise StepFailed(Error("invalid_value", f"{text!r} is no time to wait for.")) from None
    found = found if found.tzinfo else found.replace(tzinfo=local.tzinfo)
    if found - now > LONGEST:
        raise StepFailed(Error("invalid_value", f"{text} is more than 366 days ahead."))
    return found
