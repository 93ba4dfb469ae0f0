"""Patterns in RE2 syntax: every pattern of the language runs here, in linear time (CKP 3.3)."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Protocol

import re2

from procedures.ckp.expressions.errors import EvaluationError, ExpressionProblem

MAX_PATTERN: Final = 500
EVALUATION_WORK: Final = 10_000_000
OPERATION_WORK: Final = 200_000_000
"""Largest products of pattern size and text length; RE2 is linear in both. 10 million take at most some 70 ms."""


class Match(Protocol):
    """One hit of a pattern."""

    def __getitem__(self, group: int | str) -> str | None: ...
    def start(self) -> int:
        """Position of the hit."""

    def end(self) -> int:
        """Position after the hit."""


class Pattern:
    """A compiled pattern."""

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
        found: Match | None = self._compiled.search(_encodable(text))
        return found

    def fullmatch(self, text: str) -> Match | None:
        """The hit that is the whole text."""
        found: Match | None = self._compiled.fullmatch(_encodable(text))
        return found

    def find_each(self, text: str) -> Iterator[Match]:
        """Every hit, from left to right."""
        found: Iterator[Match] = self._compiled.finditer(_encodable(text))
        return found

    def check_work(self, text: str, most: int) -> None:
        """Raise EvaluationError (limit) for a text that is too long for so large a pattern."""
        if len(text) * self._size > most:
            raise EvaluationError("limit", "The text is too long for so large a pattern.")


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@lru_cache(maxsize=512)
def compile_pattern(text: str) -> Pattern:
    """Compile a pattern. Raises ExpressionProblem CKP409 for what RE2 refuses or what is too long."""
    if len(text) > MAX_PATTERN:
        raise ExpressionProblem("CKP409", f"The pattern has more than {MAX_PATTERN} characters.")
    try:
        return Pattern(_encodable(text))
    except re2.error as refused:
        raise ExpressionProblem("CKP409", f"The pattern is refused: {_reason(refused)}.") from None


def _reason(refused: re2.error) -> str:
    reason = refused.args[0] if refused.args else "unknown reason"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
