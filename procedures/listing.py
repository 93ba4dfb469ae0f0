"""A document line by line with its problems beside it, lines far from a problem folded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from procedures.ckp.positions import Lines, places

ABOVE, BELOW = 5, 3
TONES = {"error": "p-bad", "warning": "p-warn", "info": ""}
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the text; a fold has number 0."""

    number: int
    text: str
    problems: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def tone(self) -> str:
        worst = min((SEVERITIES.index(problem["severity"]) for problem in self.problems), default=2)
        return TONES[SEVERITIES[worst]]


def listing(text: str, problems: Sequence[Mapping[str, Any]], *, whole: bool = False) -> list[Row]:
    """Rows of `text`; without `whole` only the neighbourhood of problems, with folds between.

    Problems without a line stand at the first, those behind the end at the last.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    beside: dict[int, list[Mapping[str, Any]]] = {}
    for problem in problems:
        beside.setdefault(min(problem.get("line") or 1, len(lines)), []).append(problem)
    kept = set(range(1, len(lines) + 1)) if whole or not beside else _near(beside, len(lines))
    return list(_rows(lines, beside, kept))


def line_of_pointer(text: str, pointer: str) -> int:
    """The line of a correct JSON text where the value of `pointer` stands; the first when there is none."""
    return Lines(text).place(places(text, {pointer}).get(pointer, 0))[0]


def _near(beside: Mapping[int, Any], last: int) -> set[int]:
    return {number for line in beside for number in range(max(1, line - ABOVE), min(last, line + BELOW) + 1)}


def _rows(lines: Sequence[str], beside: Mapping[int, Sequence[Mapping[str, Any]]], kept: set[int]) -> Iterator[Row]:
    folded = False
    for number, text in enumerate(lines, 1):
        if number in kept:
            yield Row(number, text, beside.get(number, ()))
            folded = False
        elif not folded:
            yield Row(0, "⋯")
            folded = True
