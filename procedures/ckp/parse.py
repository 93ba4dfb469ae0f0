"""Text to tree: UTF-8, JSON, and the limits of a document (CKP 5)."""

import json
import math
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from procedures.ckp.positions import Lines, deep_bracket, unescape, values
from procedures.ckp.problems import MOST_PROBLEMS, Problem, cut

MOST_BYTES: Final = 4 * 1024 * 1024
MOST_DEPTH: Final = 64
MOST_KEYS: Final = 100_000
MOST_TEXT_BYTES: Final = 256 * 1024
MOST_KEY_CHARACTERS: Final = 256
MOST_DIGITS: Final = 28

_NUMBER: Final = re.compile(r"-?\d[\d.eE+-]*|-?Infinity|NaN")
_SURROGATE: Final = re.compile("[\ud800-\udfff\x00]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text and its tree, or the problems that kept it from being read."""

    text: str
    source_hash: str
    tree: dict[str, Any] | None
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Hooks:
    """Notices, while the parser works, what has to be looked for afterwards."""

    suspicious: bool = False

    def pairs(self, items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) != len(items):
            self.suspicious = True
        return made

    def number(self, text: str) -> float:
        value = float(text)
        if not math.isfinite(value) or (len(text) > MOST_DIGITS and significant_digits(text) > MOST_DIGITS):
            self.suspicious = True
        return value

    def integer(self, text: str) -> int:
        if len(text) > MOST_DIGITS and significant_digits(text) > MOST_DIGITS:
            self.suspicious = True
            return 0
        return int(text)

    def constant(self, text: str) -> None:
        self.suspicious = True


def significant_digits(text: str) -> int:
    """Digits of a number that count: without sign, exponent, and zeros at both ends."""
    mantissa = text.lower().split("e")[0].lstrip("-")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    return len(digits.rstrip("0")) if fraction else len(digits)


def parse(source: str | bytes | dict[str, Any], *, most_bytes: int = MOST_BYTES) -> Parsed:
    """Reads a document. A dict is read as the JSON text that it makes."""
    raw = _bytes_of(source)
    source_hash = sha256(raw).hexdigest()
    if len(raw) > most_bytes:
        fault = _fault("CKP005", f"The document has {len(raw)} bytes; at most {most_bytes} are read.")
        return Parsed("", source_hash, None, (fault,))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place_of_byte(error.object, error.start)
        byte = len(raw) - len(error.object) + error.start
        message = f"The text is not UTF-8: byte {byte} cannot be read."
        fault = _fault("CKP001", message, line=line, column=column, hint="Save the file as UTF-8.")
        return Parsed("", source_hash, None, (fault,))
    return _read(text, source_hash)


def _place_of_byte(raw: bytes, index: int) -> tuple[int, int]:
    before = raw[:index].decode()
    return Lines(before).place(len(before))


def _bytes_of(source: str | bytes | dict[str, Any]) -> bytes:
    if isinstance(source, bytes):
        return source
    text = source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _read(text: str, source_hash: str) -> Parsed:
    hooks = _Hooks()
    decoder = json.JSONDecoder(
        object_pairs_hook=hooks.pairs,
        parse_float=hooks.number,
        parse_int=hooks.integer,
        parse_constant=hooks.constant,
    )
    try:
        tree = decoder.decode(text)
    except json.JSONDecodeError as error:
        message, hint = f"The text is not JSON: {error.msg.removesuffix(' at')}.", _json_hint(error)
        fault = _fault("CKP001", message, line=error.lineno, column=error.colno, hint=hint)
        return Parsed(text, source_hash, None, (fault,))
    except RecursionError:
        return Parsed(text, source_hash, None, (_too_deep(text),))
    faults = _token_faults(text) if hooks.suspicious else []
    faults = faults or _limit_faults(tree, text)
    if not faults and not isinstance(tree, dict):
        faults = [_fault("CKP003", "The root of a document must be an object.", line=1, column=1)]
    return Parsed(text, source_hash, None if faults else tree, cut(faults))


def _json_hint(error: json.JSONDecodeError) -> str | None:
    """What to do about the slips that hands make most often."""
    before, here = error.doc[: error.pos].rstrip(), error.doc[error.pos : error.pos + 1]
    if not before and not here:
        return "Give one JSON object."
    if error.msg.startswith("Invalid control character"):
        return "Write a line end inside a text as \\n, a tab as \\t."
    if error.msg == "Extra data":
        return "Nothing may follow the object."
    if here in ("/", "#"):
        return "JSON has no comments; write them as values of keys that begin with _."
    if here in ("'", "‘", "“"):
        return 'Write keys and texts in double quotes: "…".'
    if here in ("}", "]") and before.endswith(","):
        return "Take out the comma before it."
    if error.msg == "Expecting ',' delimiter":
        return "A comma or closing bracket is missing before it."
    return None


def _fault(
    code: str, message: str, *, pointer: str = "", line: int = 1, column: int = 1, hint: str | None = None
) -> Problem:
    return Problem(code, "error", pointer, line, column, message, hint)


def _too_deep(text: str) -> Problem:
    line, column = Lines(text).place(deep_bracket(text, MOST_DEPTH))
    return _fault("CKP006", f"The document is nested deeper than {MOST_DEPTH}.", line=line, column=column)


def _token_faults(text: str) -> list[Problem]:
    """Duplicate keys and numbers that cannot be kept exactly, as many as are shown and one more."""
    lines = Lines(text)
    faults: list[Problem] = []
    for value in values(text):
        if len(faults) > MOST_PROBLEMS:
            break
        line, column = lines.place(value.offset)
        if value.duplicate:
            key = value.pointer.rpartition("/")[2]
            message = f"The key '{key}' stands twice in one object."
            faults.append(_fault("CKP002", message, pointer=value.pointer, line=line, column=column))
        if _NUMBER.fullmatch(value.lexeme) and not _is_exact(value.lexeme):
            message = f"The number {value.lexeme[:40]} has more than {MOST_DIGITS} digits or is not finite."
            faults.append(_fault("CKP004", message, pointer=value.pointer, line=line, column=column))
    return faults


def _is_exact(token: str) -> bool:
    return math.isfinite(float(token)) and significant_digits(token) <= MOST_DIGITS


def _limit_faults(tree: Any, text: str) -> list[Problem]:
    fault = _first_excess(tree)
    if fault is None:
        return []
    code, message = fault
    if code == "CKP006":
        return [_too_deep(text)]
    if code == "CKP007":
        return [_fault(code, message)]
    return [_placed_text_fault(text, code, message)]


def _first_excess(tree: Any) -> tuple[str, str] | None:
    """Walks level by level, so that depth needs no counting per value."""
    keys = 0
    level = [tree]
    for depth in range(MOST_DEPTH + 1):
        if depth == MOST_DEPTH and any(isinstance(value, dict | list) for value in level):
            return "CKP006", ""
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                keys += len(value)
                fault = next((found for key in value if (found := _key_excess(key))), None)
                below.extend(value.values())
            elif isinstance(value, list):
                keys += len(value)
                fault = None
                below.extend(value)
            else:
                fault = _text_excess(value) if isinstance(value, str) else None
            if fault:
                return fault
        if keys > MOST_KEYS:
            return "CKP007", f"The document has more than {MOST_KEYS} keys and list elements."
        level = below
    return None


def _key_excess(key: str) -> tuple[str, str] | None:
    if len(key) > MOST_KEY_CHARACTERS:
        return "CKP008", f"A key has {len(key)} characters; at most {MOST_KEY_CHARACTERS} are read."
    return _text_excess(key)


def _text_excess(text: str) -> tuple[str, str] | None:
    if len(text) > MOST_TEXT_BYTES // 4 and len(text.encode("utf-8", "replace")) > MOST_TEXT_BYTES:
        return "CKP008", f"A text has more than {MOST_TEXT_BYTES // 1024} KiB."
    if _SURROGATE.search(text):
        return "CKP001", "A text holds a character that cannot be stored: U+0000 or half of a surrogate pair."
    return None


def _placed_text_fault(text: str, code: str, message: str) -> Problem:
    lines = Lines(text)
    for value in values(text):
        key = value.pointer.rpartition("/")[2]
        if _key_excess(key) or (value.lexeme[0] == '"' and _text_excess(unescape(value.lexeme))):
            line, column = lines.place(value.offset)
            return _fault(code, message, pointer=value.pointer, line=line, column=column)
    return _fault(code, message)
