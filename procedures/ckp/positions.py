"""Where each value stands in a JSON text. Used only when there is something to place."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|.)")
_PLAIN_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the text: JSON pointer, offset in characters, first lexeme, and whether its key stood before."""

    pointer: str
    offset: int
    lexeme: str
    duplicate: bool = False


class Lines:
    """Offsets as line and column, both from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


@dataclass(slots=True)
class _Level:
    pointer: str
    index: int | None
    keys: set[str]
    key: str | None = None

    def enter(self) -> tuple[str, bool]:
        """Pointer of the next value, and whether its key is a duplicate."""
        if self.index is not None:
            self.index += 1
            return f"{self.pointer}/{self.index - 1}", False
        key = self.key or ""
        self.key = None
        duplicate = key in self.keys
        self.keys.add(key)
        return f"{self.pointer}/{key.replace('~', '~0').replace('/', '~1')}", duplicate


def values(text: str) -> Iterator[Value]:
    """Every value of a correct JSON text, in order."""
    levels: list[_Level] = []
    for match in _TOKEN.finditer(text):
        lexeme = match.group()
        if lexeme in "}]":
            levels.pop()
        elif lexeme in ",:":
            continue
        elif lexeme[0] == '"' and levels and levels[-1].index is None and levels[-1].key is None:
            levels[-1].key = unescape(lexeme)
        else:
            pointer, duplicate = levels[-1].enter() if levels else ("", False)
            yield Value(pointer, match.start(), lexeme, duplicate)
            if lexeme in "{[":
                levels.append(_Level(pointer, 0 if lexeme == "[" else None, set()))


def places(text: str, pointers: set[str]) -> dict[str, int]:
    """Offsets of the wanted pointers; of a duplicate key the last value counts."""
    return {value.pointer: value.offset for value in values(text) if value.pointer in pointers}


def unescape(lexeme: str) -> str:
    """The text of a JSON string lexeme."""
    inner = lexeme[1:-1]
    return _ESCAPE.sub(_unescaped, inner) if "\\" in inner else inner


def _unescaped(match: re.Match[str]) -> str:
    found = match.group(1)
    if found[0] != "u":
        return _PLAIN_ESCAPES.get(found, found)
    first = int(found[1:5], 16)
    if len(found) == 5:
        return chr(first)
    second = int(found[7:], 16)
    if 0xD800 <= first < 0xDC00:
        return chr(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    return chr(first) + chr(second)


def deep_bracket(text: str, depth: int) -> int:
    """Offset of the first bracket that opens deeper than `depth`; the text may be incorrect."""
    level = 0
    for match in _TOKEN.finditer(text):
        lexeme = match.group()
        if lexeme in "{[":
            level += 1
            if level > depth:
                return match.start()
        elif lexeme in "}]":
            level -= 1
    return 0
