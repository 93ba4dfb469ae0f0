"""Times and lengths of time as documents give them (CKP 0, 2.14). Pure."""

from datetime import datetime, timedelta

from orchestration.runtime.outcomes import Error, Json, StepFailed
from procedures.ckp.durations import DurationFault, Length, parse_duration
from procedures.ckp.values import read_number


def milliseconds(value: Json) -> float:
    """A number of milliseconds, or text of one. Raises `StepFailed` (invalid_value)."""
    number = read_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or number is None or isinstance(number, list | dict | str) or number < 0:
        raise StepFailed(Error("invalid_value", f"{value!r} is no number of milliseconds."))
    return float(number)


def length(value: Json) -> Length:
    """A duration as text. Raises `StepFailed` (invalid_value)."""
    try:
        return parse_duration(str(value))
    except DurationFault as fault:
        raise StepFailed(Error("invalid_value", f"{value!r} {fault}.")) from None


def after(start: datetime, duration: Json) -> datetime:
    """The moment a duration after `start`; business days are Monday to Friday."""
    wanted = length(duration)
    moment = start + wanted.clock
    for _ in range(wanted.business_days):
        moment += timedelta(days=1)
        while moment.weekday() >= 5:
            moment += timedelta(days=1)
    return moment
