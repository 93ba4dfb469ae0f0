"""Findings of the checks, before they are placed in the text."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from procedures.ckp.names import Effort, nearest
from procedures.ckp.problems import CATALOGUE, Severity

Path = tuple[str | int, ...]

MOST_FINDINGS: Final = 20_000


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
    """Collects findings; remarks far beyond the number ever shown are only counted."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
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
        """Adds a finding; errors are never dropped."""
        error = (severity or CATALOGUE[code].severity) == "error"
        if error:
            self.refused.add(path)
        if error or len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(code, path, message, hint, offset, severity))
        else:
            self.dropped += 1

    def nearest(self, name: str, names: Iterable[str]) -> str | None:
        """The nearest of a few names, within the effort one document may cost."""
        return nearest(name, names, self.effort)


def pointer_of(path: Path) -> str:
    """A path as JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
