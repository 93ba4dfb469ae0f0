"""Patterns in RE2 syntax: every pattern of the language runs here, in linear time (CKP 3.3)."""

from functools import lru_cache
from typing import Final, Protocol

import re2

from procedures.ckp.expressions.errors import EvaluationError, ExpressionProblem

MAX_PATTERN: Final = 500
MAX_WORK: Final = 40_000_000
"""Longest product of pattern size and text length; RE2 is linear in both."""


class Match(Protocol):
    """One hit of a pattern."""

    def __getitem__(self, group: int | str) -> str | None: ...
    def start(self) -> int:
        """Position of the hit."""

    def end(self) -> int:
        """Position after the hit."""


class Pattern:
    """A compiled pattern. Every search raises EvaluationError (limit) for too long a text."""

    __slots__ = ("_compiled", "_size", "groups", "names")

    def __init__(self, text: str) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 1 << 20
        self._compiled = re2.compile(text, options)
        self._size = int(self._compiled.programsize)
        self.groups = int(self._compiled.groups)
        self.names = frozenset(self._compiled.groupindex)

    def search(self, text: str) -> Match | None:
        """The first hit."""
        found: Match | None = self._compiled.search(self._within(text))
        return found

    def fullmatch(self, text: str) -> Match | None:
        """The hit that is the whole text."""
        found: Match | None = self._compiled.fullmatch(self._within(text))
        return found

    def find_all(self, text: str) -> list[Match]:
        """Every hit, from left to right."""
        return list(self._compiled.finditer(self._within(text)))

    def _within(self, text: str) -> str:
        if len(text) * self._size > MAX_WORK:
            raise EvaluationError("limit", "The text is too long for so large a pattern.")
        return text if text.isascii() else text.encode("utf-8", "replace").decode()


@lru_cache(maxsize=512)
def compile_pattern(text: str) -> Pattern:
    """Compile a pattern. Raises ExpressionProblem CKP409 for what RE2 refuses or what is too long."""
    if len(text) > MAX_PATTERN:
        raise ExpressionProblem("CKP409", f"The pattern has more than {MAX_PATTERN} characters.")
    try:
        return Pattern(text.encode("utf-8", "replace").decode())
    except re2.error as refused:
        raise ExpressionProblem("CKP409", f"The pattern is refused: {_reason(refused)}.") from None


def _reason(refused: re2.error) -> str:
    reason = refused.args[0] if refused.args else "unknown reason"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
