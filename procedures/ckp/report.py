"""Findings of the checks, before they are placed in the text."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from procedures.ckp.names import Effort, nearest
from procedures.ckp.problems import CATALOGUE, MOST_PROBLEMS, Severity

Path = tuple[str | int, ...]

MOST_FINDINGS: Final = 5_000
"""Findings that are kept, ten times of what is shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a place of the canonical document. `severity` overrides the catalogue's."""

    code: str
    path: Path
    message: str
    hint: str | None = None
    offset: int | None = None
    severity: Severity | None = None


class Report:
    """Collects findings; those far beyond the number ever shown are only counted."""

    def __init__(self) -> None:
        self._errors: list[Finding] = []
        self._remarks: list[Finding] = []
        self.dropped = 0
        self.refused: set[Path] = set()
        """The places of errors, and of required fields that are missing."""
        self.effort = Effort()
        self._nearest: dict[tuple[str, ...], str | None] = {}

    def __call__(
        self,
        code: str,
        path: Path,
        message: str,
        *,
        hint: str | None = None,
        offset: int | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Adds a finding."""
        error = (severity or CATALOGUE[code].severity) == "error"
        if error:
            self.refused.add(path)
        kept = self._errors if error else self._remarks
        if len(kept) < MOST_FINDINGS:
            kept.append(Finding(code, path, message, hint, offset, severity))
        else:
            self.dropped += 1

    @property
    def findings(self) -> list[Finding]:
        """What was kept, errors first."""
        return self._errors + self._remarks

    @property
    def is_full(self) -> bool:
        """Whether there are more errors than will ever be shown."""
        return len(self._errors) > MOST_PROBLEMS

    def nearest(self, name: str, names: Iterable[str]) -> str | None:
        """The nearest of a few names, within the effort one document may cost."""
        question = (name, *names)
        if question not in self._nearest:
            self._nearest[question] = nearest(name, question[1:], self.effort)
        return self._nearest[question]


def pointer_of(path: Path) -> str:
    """A path as JSON pointer."""
    return pointers_to(path)[-1]


def pointers_to(path: Path) -> list[str]:
    """The pointers of a path and of everything around it, the root first."""
    found = [""]
    for part in path:
        found.append(f"{found[-1]}/{str(part).replace('~', '~0').replace('/', '~1')}")
    return found
