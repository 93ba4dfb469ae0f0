"""Moments and durations in words. Pure: the present and the time zone come from the caller."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

MINUTE, HOUR, DAY = 60, 3600, 86_400
WEEK = 7 * DAY
SOON = 2 * HOUR


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone with the name that people know it by."""

    info: tzinfo
    name: str


def duration(seconds: float | None, *, units: int = 2) -> str:
    """`seconds` in at most `units` units ("4 min 2 s"); a dash when there is none. Tenths below ten seconds."""
    if seconds is None:
        return "–"
    seconds = max(seconds, 0.0)
    if 0 < seconds < 0.05:
        return "< 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    return span(seconds, units=units)


def span(seconds: float, *, units: int = 2) -> str:
    """Whole units of a length of time; the second unit is left out where it no longer matters."""
    whole = max(int(seconds), 0)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _pair(whole, MINUTE, "min", 1, "s", units if whole < 10 * MINUTE else 1)
    if whole < DAY:
        return _pair(whole, HOUR, "h", MINUTE, "min", units if whole < 10 * HOUR else 1)
    return _pair(whole, DAY, "d", HOUR, "h", units if whole < WEEK else 1)


def _pair(whole: int, size: int, word: str, small: int, small_word: str, units: int) -> str:
    rest = whole % size // small
    head = f"{whole // size} {word}"
    return f"{head} {rest} {small_word}" if rest and units > 1 else head


def ago(moment: datetime, now: datetime, zone: Zone, *, suffix: str = "", units: int = 2) -> str:
    """How long `moment` is past ("2 h 34 min"), in one unit from a day on; its date when that is a week or more."""
    seconds = (now - moment).total_seconds()
    if seconds >= WEEK:
        return date(moment, now, zone)
    text = span(seconds, units=1 if seconds >= DAY else units)
    return f"{text} {suffix}" if suffix else text


def until(moment: datetime, now: datetime, zone: Zone) -> str:
    """A due time that says both: "in 1 h 10 min, at 15:42"; "20 min overdue, since 15:42"."""
    seconds = (moment - now).total_seconds()
    if seconds < 0:
        return f"{span(-seconds)} overdue, since {at(moment, now, zone)}"
    where = at(moment, now, zone)
    if seconds >= WEEK:
        return where
    preposition = "at" if _same_day(moment, now, zone) else "on"
    return f"in {span(seconds)}, {preposition} {where}"


def due(moment: datetime, now: datetime, zone: Zone) -> str:
    """The due time as the word of a chip: "due in 1 h 10 min", "today 17:00", "Mon 12:00", "20 min overdue"."""
    seconds = (moment - now).total_seconds()
    if seconds < 0:
        return f"{span(-seconds)} overdue"
    if seconds < SOON:
        return f"due in {span(seconds)}"
    local = moment.astimezone(zone.info)
    if _same_day(moment, now, zone):
        return f"today {local:%H:%M}"
    return f"{local:%a %H:%M}" if seconds < WEEK else date(moment, now, zone)


def urgency(moment: datetime, now: datetime) -> str:
    """Which status of an approval the due time amounts to: pending, soon (under two hours) or overdue."""
    seconds = (moment - now).total_seconds()
    if seconds < 0:
        return "overdue"
    return "soon" if seconds < SOON else "pending"


def at(moment: datetime, now: datetime, zone: Zone, *, seconds: bool = False) -> str:
    """The time of day, with the date before it unless it is today."""
    local = moment.astimezone(zone.info)
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    return clock if _same_day(moment, now, zone) else f"{date(moment, now, zone)} {clock}"


def date(moment: datetime, now: datetime, zone: Zone) -> str:
    """ "12 Nov", with the year when it is not this one."""
    local = moment.astimezone(zone.info)
    year = "" if local.year == now.astimezone(zone.info).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}"


def exact(moment: datetime, zone: Zone) -> str:
    """The whole moment with its zone, for titles: "2026-11-20 11:58:07 Europe/Oslo"."""
    return f"{moment.astimezone(zone.info):%Y-%m-%d %H:%M:%S} {zone.name}"


def _same_day(one: datetime, other: datetime, zone: Zone) -> bool:
    return one.astimezone(zone.info).date() == other.astimezone(zone.info).date()
