"""Values as pages show them: whole while they are small, else what they are and how large."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_SHOWN: Final = 2_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A masked value. `words` stand for one that is too large to be shown here."""

    value: Any
    words: str = ""

    @property
    def whole(self) -> bool:
        return not self.words

    @property
    def nested(self) -> bool:
        return isinstance(self.value, dict | list)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one variable; `before` or `after` is missing where there was none."""

    name: str
    before: Shown | None
    after: Shown | None


def shown(value: Any, most: int = MOST_SHOWN) -> Shown:
    """`value` for a page that has room for `most` characters of JSON."""
    size = len(json.dumps(value, ensure_ascii=False))
    return Shown(value) if size <= most else Shown(None, f"{_kind(value)}, {size:,} characters")


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return f"{len(value):,} fields"
    return f"{len(value):,} items" if isinstance(value, Sequence) else "number"
