"""Dialects and aliases become the canonical form before any other check (CKP 4)."""

from dataclasses import dataclass, field
from typing import Any

from procedures.ckp.dialects.identities import give_step_ids
from procedures.ckp.dialects.rewriter import Rewriter
from procedures.ckp.dialects.roots import rewrite_root
from procedures.ckp.dialects.successors import follow_the_list
from procedures.ckp.dialects.walk import Walker
from procedures.ckp.registry import NOTHING_REGISTERED, Registry
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


def normalise(tree: dict[str, Any], report: Report, registry: Registry = NOTHING_REGISTERED, text: str = "") -> Normal:
    """The canonical tree of a document in any dialect, read from `text`. The given tree is changed in place."""
    rewriter = Rewriter(report, registry, text)
    by_order = rewrite_root(rewriter, tree)
    Walker(rewriter).document(tree)
    if by_order:
        follow_the_list(rewriter, tree)
    give_step_ids(rewriter, tree)
    return Normal(tree, rewriter.origins)
