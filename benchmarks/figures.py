"""What was found beside what is wanted, as one table."""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

KEPT_IN: Final = "BENCHMARK_FIGURES"
"""The environment names here the file that collects the figures of all parts."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `target` is the most that may be found, or with `at_least` the least; none: only shown."""

    group: str
    name: str
    found: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """met, missed, or nothing where there is no target."""
        if self.target is None:
            return ""
        good = self.found >= self.target if self.at_least else self.found <= self.target
        return "met" if good else "MISSED"

    def __str__(self) -> str:
        wanted = "" if self.target is None else f"{'≥' if self.at_least else '≤'} {self.target:g}"
        return f"{self.group:4} {self.name:84} {self.found:10.2f} {self.unit:12} {wanted:8} {self.verdict}".rstrip()


def publish(figures: Iterable[Figure]) -> bool:
    """Print figures and keep them for the table of all parts; whether none of them missed its target."""
    good = True
    for figure in figures:
        print(figure, flush=True)
        good = good and figure.verdict != "MISSED"
        if KEPT_IN in os.environ:
            with Path(os.environ[KEPT_IN]).open("a") as kept:
                kept.write(json.dumps(asdict(figure)) + "\n")
    return good


def kept(path: Path) -> list[Figure]:
    """The figures that the parts kept in a file."""
    return [Figure(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def say(line: str) -> None:
    """Tell how far it is, beside the table."""
    print(line, file=sys.stderr, flush=True)
