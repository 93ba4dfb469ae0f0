"""The filter box of the runs page: `status:failed since:24h free words`, read into declared filters."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WORD = re.compile(r'(?P<field>[a-z_]+|var\.[A-Za-z0-9_.]+):(?P<value>"[^"]*"|\S+)|(?P<quoted>"[^"]*")|(?P<free>\S+)')
FIELDS = {
    "status": "status",
    "procedure": "procedure_id",
    "version": "procedure_version",
    "node": "node_id",
    "error": "error_class",
    "by": "triggered_by",
    "trigger": "trigger_type",
    "waiting": "waiting_for",
    "label": "label",
    "case": "case_id",
}
SINCE = re.compile(r"(\d{1,4})(min|h|d)")
UNITS = {"min": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Chip:
    """One understood word, and the text of the box without it."""

    text: str
    rest: str


@dataclass(frozen=True, slots=True)
class Filter:
    """`params` are declared filters of the list of runs; `unknown` are words whose field or value is not one."""

    params: Mapping[str, str]
    chips: Sequence[Chip]
    unknown: Sequence[str]


def read(text: str, now: datetime) -> Filter:
    """Understand the text of the box. A field given twice: the later one counts; statuses add up."""
    words = list(WORD.finditer(text))
    params: dict[str, str] = {}
    unknown: list[str] = []
    free: list[str] = []
    for word in words:
        if word["field"] is None:
            free.append((word["quoted"] or word["free"]).strip('"'))
            continue
        found = _param(word["field"], word["value"].strip('"'), now)
        if found is None:
            unknown.append(word[0])
        elif found[0] == "status" and "status" in params:
            params["status"] += f",{found[1]}"
        else:
            params[found[0]] = found[1]
    if free:
        params["search"] = " ".join(free)
    return Filter(params, [_chip(words, index) for index in range(len(words))], unknown)


def _param(field: str, value: str, now: datetime) -> tuple[str, str] | None:
    if field == "since":
        length = SINCE.fullmatch(value)
        return ("created_from", (now - _length(length)).isoformat()) if length else None
    if field.startswith("var."):
        return field, value
    return (FIELDS[field], value) if field in FIELDS else None


def _length(match: re.Match[str]) -> timedelta:
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _chip(words: Sequence[re.Match[str]], index: int) -> Chip:
    rest = " ".join(word[0] for other, word in enumerate(words) if other != index)
    return Chip(words[index][0], rest)
