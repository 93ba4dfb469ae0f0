"""Dialects and aliases become the canonical form before any other check (CKP 4)."""

from dataclasses import dataclass, field
from typing import Any

from procedures.ckp.report import Path, Report


@dataclass(slots=True)
class Normal:
    """A tree in canonical form, and where its parts stood in the text."""

    tree: dict[str, Any]
    origins: dict[Path, Path] = field(default_factory=dict)

    def source(self, path: Path) -> Path:
        """The place in the imported text of a place in the canonical tree."""
        for length in range(len(path), 0, -1):
            origin = self.origins.get(path[:length])
            if origin is not None:
                return origin + path[length:]
        return path


def normalise(tree: dict[str, Any], report: Report) -> Normal:
    """The canonical tree of a document in any dialect."""
    return Normal(tree)
