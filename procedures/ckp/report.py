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
        """The places of errors."""
        self.effort = Effort()

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
        return nearest(name, names, self.effort)


def pointer_of(path: Path) -> str:
    """A path as JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
