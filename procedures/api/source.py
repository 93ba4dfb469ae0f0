"""The text of a document inside a request body, exactly as it was sent: problems point into it."""

import json
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

_DECODER = json.JSONDecoder()
_BLANKS = " \t\n\r"


def document_text(body: bytes, value: Any) -> str:
    """The document of a checked JSON body (`value` is its content): that under `ckp_json`, else the body itself.

    A document that was sent as a JSON string is its content.
    """
    text = body.decode("utf-8-sig")
    if not isinstance(value, dict) or "ckp_json" not in value:
        return text
    given = value["ckp_json"]
    return given if isinstance(given, str) else _member(text, "ckp_json")


def _member(text: str, name: str) -> str:
    """The text of a member of the object that the correct JSON `text` is; the last one of that name."""
    found = ""
    position = _skip(text, 0) + 1
    while text[position := _skip(text, position)] != "}":
        key, position = scanstring(text, position + 1, True)
        start = _skip(text, _skip(text, position) + 1)
        _, position = _DECODER.raw_decode(text, start)
        if key == name:
            found = text[start:position]
        position = _skip(text, position)
        position += text[position] == ","
    return found


def _skip(text: str, position: int) -> int:
    while text[position] in _BLANKS:
        position += 1
    return position
