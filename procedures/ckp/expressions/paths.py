"""Paths into values: keys, indexes, and the words that lists and texts answer to (CKP 3.2)."""

import re
from functools import lru_cache
from typing import Final

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import MISSING, Value
from procedures.ckp.values import read_index

LIST_WORDS: Final = frozenset({"length", "len", "count", "first", "last"})
COLUMN_WORDS: Final = frozenset({"sum", "avg", "min", "max", "count"})
_LENGTHS: Final = frozenset({"length", "len", "count"})
_PART: Final = re.compile(r"\.?([^.\[\]'\"\s]+)|\[(-?[0-9]{1,9})\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")


class Word(str):
    """A part of a path written after a dot that lists and texts answer to, such as `length`."""

    __slots__ = ()


def member(value: Value, part: Value) -> Value:
    """Key of an object, index of a list or text, or a word; MISSING where there is none."""
    if isinstance(value, dict):
        key = str(part) if part.__class__ is int else part
        return value.get(key, MISSING) if isinstance(key, str) else MISSING
    if not isinstance(value, list | str):
        return MISSING
    if part.__class__ is Word:
        return _word(value, part)
    if part.__class__ is not int or not -len(value) <= part < len(value):
        return MISSING
    return value[part]


def _word(value: list[Value] | str, word: str) -> Value:
    if word in _LENGTHS:
        return len(value) if isinstance(value, list) or word == "length" else MISSING
    if not isinstance(value, list) or not value:
        return MISSING
    return value[0 if word == "first" else -1]


def follow(value: Value, parts: tuple[Value, ...]) -> Value:
    """The value at a path of keys and indexes, or MISSING."""
    for part in parts:
        value = member(value, part)
        if value is MISSING:
            return MISSING
    return value


@lru_cache(maxsize=4096)
def read_path(text: str) -> tuple[str | int, ...]:
    """Parts of a path given as text: `amount`, `vendor.name`, `lines[0].sku`, `a['b c']`.

    Raises EvaluationError (argument).
    """
    parts: list[str | int] = []
    index = 0
    while index < len(text):
        found = _PART.match(text, index)
        if found is None or (index == 0 and text[0] == "."):
            break
        parts.append(_part(found))
        index = found.end()
    if not parts or index < len(text):
        raise EvaluationError("argument", f"“{text[:80]}” is not a path.")
    return tuple(parts)


def _part(found: re.Match[str]) -> str | int:
    if found[2] is not None:
        return int(found[2])
    if found[1] is not None:
        index = read_index(found[1])
        return found[1] if index is None else index
    return found[3] if found[3] is not None else found[4]


def path_text(root: str, parts: tuple[Value, ...]) -> str:
    """The path as an author writes it."""
    text = root
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if part.replace("_", "a").isalnum() else f"['{part}']"
    return text
