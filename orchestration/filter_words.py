"""The filter box of the runs page: `status:failed since:24h var.total>1000 free words`, read into declared filters."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WORD = re.compile(
    r'(?P<field>var\.[A-Za-z0-9_.]+|[a-z_]+)(?P<sign>:|(?<=\w)[<>]=?)(?P<value>"[^"]*"|\S+)'
    r'|(?P<quoted>"[^"]*")|(?P<free>\S+)'
)
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
VARIABLE = "var."


@dataclass(frozen=True, slots=True)
class Chip:
    """One word, and the text of the box without it."""

    text: str
    rest: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A word that does not filter, and why."""

    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filter:
    """`params` are declared filters of the list of runs, `origins` the words they came from."""

    params: Mapping[str, str]
    origins: Mapping[str, str]
    chips: Sequence[Chip]
    faults: Sequence[Fault]


@dataclass(slots=True)
class _Reader:
    now: datetime
    params: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def take(self, word: re.Match[str]) -> None:
        if word["field"] is None:
            self._add("search", (word["quoted"] or word["free"]).strip('"'), word[0], " ")
        elif word["field"].startswith(VARIABLE):
            sign = "" if word["sign"] == ":" else word["sign"]
            self._set(word["field"], sign + word["value"].strip('"'), word[0])
        elif word["field"] == "since":
            self._since(word)
        elif word["field"] in FIELDS and word["sign"] == ":":
            self._field(FIELDS[word["field"]], word["value"].strip('"'), word[0])
        else:
            known = ", ".join([*FIELDS, "since", "var.<name>"])
            self.faults.append(Fault(word[0], f"there is no field {word['field']}; there are {known}"))

    def _since(self, word: re.Match[str]) -> None:
        length = SINCE.fullmatch(word["value"])
        if length is None:
            self.faults.append(Fault(word[0], "write a length of time, such as since:30min, since:24h or since:7d"))
        else:
            begin = self.now - timedelta(**{UNITS[length[2]]: int(length[1])})
            self._set("created_from", begin.isoformat(), word[0])

    def _field(self, name: str, value: str, word: str) -> None:
        if name == "status":
            self._add(name, value, word, ",")
        else:
            self._set(name, value, word)

    def _set(self, name: str, value: str, word: str) -> None:
        self.params[name], self.origins[name] = value, word

    def _add(self, name: str, value: str, word: str, between: str) -> None:
        earlier, origin = self.params.get(name), self.origins.get(name)
        self._set(name, f"{earlier}{between}{value}" if earlier else value, f"{origin} {word}" if origin else word)


def read(text: str, now: datetime) -> Filter:
    """Understand the text of the box. A field given twice: the later one counts; statuses and free words add up."""
    words = list(WORD.finditer(text))
    reader = _Reader(now)
    for word in words:
        reader.take(word)
    return Filter(reader.params, reader.origins, [_chip(words, at) for at in range(len(words))], reader.faults)


def without(text: str, fields: Iterable[str]) -> str:
    """The text of the box without the words of these fields."""
    return " ".join(word[0] for word in WORD.finditer(text) if word["field"] not in fields)


def _chip(words: Sequence[re.Match[str]], index: int) -> Chip:
    rest = " ".join(word[0] for other, word in enumerate(words) if other != index)
    return Chip(words[index][0], rest)
