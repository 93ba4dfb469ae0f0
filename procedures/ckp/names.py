"""Names in a document: their grammar, the reserved ones, and the nearest known name for a hint."""

import re
from collections.abc import Iterable
from typing import Final

VARIABLE_NAME: Final = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]{0,63}")
NODE_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")
PROCEDURE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")

RESERVED_PROCEDURE_IDS: Final = frozenset({"compile"})
RESERVED_VERSIONS: Final = frozenset(
    {"versions", "canary", "swap-active", "rollback", "deployments", "impact", "diff", "latest"}
)

BUILT_INS: Final = frozenset(
    "run_id procedure_id procedure_version node_id step_id attempt today now error telemetry trigger trigger_type "
    "triggered_by secrets compensates".split()
)
OLDER_ROOTS: Final = frozenset({"vars", "variables", "input"})
EXPRESSION_WORDS: Final = frozenset(
    "and or not in is if else contains not_contains starts_with ends_with is_empty is_not_empty".split()
)
CONSTANT_WORDS: Final = frozenset({"true", "false", "none", "null"})
RESERVED_NAMES: Final = BUILT_INS | OLDER_ROOTS | EXPRESSION_WORDS | CONSTANT_WORDS

_NOTE: Final = ("_", "$", "x-")
_MOST_COMPARISONS: Final = 10_000


def is_note(key: str) -> bool:
    """Whether a key marks a note: kept in the text, without effect."""
    return key.startswith(_NOTE)


class Effort:
    """The comparisons that looking for hints may cost over one document; when it is used up there are no more hints."""

    def __init__(self, comparisons: int = _MOST_COMPARISONS) -> None:
        self._left = comparisons

    def spend(self, comparisons: int) -> bool:
        """Whether so many comparisons may still be made."""
        self._left -= comparisons
        return self._left >= 0


class Nearest:
    """Finds the nearest of a fixed set of names."""

    def __init__(self, names: Iterable[str], effort: Effort | None = None) -> None:
        self._names = names
        self._by_length: dict[int, list[str]] = {}
        self._known: dict[str, str | None] = {}
        self._effort = effort or Effort()

    def to(self, name: str) -> str | None:
        """The name at the smallest edit distance: at most 2, or 1 for names up to four characters."""
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> str | None:
        most = 1 if len(name) <= 4 else 2
        if not self._effort.spend(0):
            return None
        if not self._by_length:
            self._sort()
        lengths = range(len(name) - most, len(name) + most + 1)
        candidates = [known for length in lengths for known in self._by_length.get(length, ())]
        if not self._effort.spend(len(candidates)):
            return None
        near = [(distance, known) for known in candidates if 0 < (distance := edit_distance(name, known, most)) <= most]
        return min(near)[1] if near else None

    def _sort(self) -> None:
        for name in sorted(set(self._names)):
            self._by_length.setdefault(len(name), []).append(name)


def nearest(name: str, names: Iterable[str], effort: Effort | None = None) -> str | None:
    """The nearest of a few names, or none."""
    return Nearest(names, effort).to(name)


def edit_distance(left: str, right: str, most: int) -> int:
    """Insertions, deletions and substitutions between two texts; `most + 1` stands for anything farther."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    while left and right and left[0] == right[0]:
        left, right = left[1:], right[1:]
    row = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        above, row = row, [i]
        for j, other in enumerate(right, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (char != other)))
        if min(row) > most:
            return most + 1
    return row[-1]
