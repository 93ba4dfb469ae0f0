"""Texts that no database can keep."""

from collections.abc import Iterator
from typing import Any


def unstorable(value: Any) -> str:
    """What of a JSON value cannot be stored, keys included; empty when all of it can."""
    for text in _texts(value):
        if "\0" in text:
            return "the character NUL"
        if any("\ud800" <= character <= "\udfff" for character in text):
            return "half of a surrogate pair"
    return ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
