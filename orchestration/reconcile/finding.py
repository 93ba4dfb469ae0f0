"""Something that is not as it should be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a run, in a sentence. `safe` says that it may be mended unseen, `mended` that it was."""

    check: str
    run_id: UUID
    sentence: str
    safe: bool = True
    mended: bool = False


Check = Callable[[bool], Iterator[Finding]]
"""Finds what is wrong, and mends it if told to."""
AT_ONCE: Final = 500
"""So many of a kind at most are looked at in one go."""
