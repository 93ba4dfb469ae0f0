"""Masking of what must not be shown: values under telling names, named variables, and known secret values.

It fails closed: what cannot be looked through completely is masked whole.
"""

import base64
import json
import re
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "***REDACTED***"
MAX_DEPTH: Final = 50
MAX_VALUES: Final = 100_000
MOST_NAMES: Final = 4096

_SINGLE: Final = frozenset({"password", "passwd", "secret", "token", "credential", "authorization", "auth", "cookie"})
_PAIRS: Final = frozenset(
    {("api", "key"), ("private", "key"), ("access", "key"), ("client", "secret"), ("set", "cookie")}
)
_JOINED: Final = frozenset({"apikey", "privatekey", "accesskey", "clientsecret"})
_NEVER: Final = frozenset({"author", "authorized_by"})
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SHORTEST_SECRET: Final = 4
_SHORTEST_PART: Final = 6


class Redactor:
    """Masks values. `names` are further keys whose values are masked; `secrets` are values masked inside any text."""

    def __init__(self, names: Iterable[str] = (), secrets: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._spellings: tuple[str, ...] = ()
        self._hidden: dict[str, bool] = {}
        self._lock = threading.Lock()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask these values too from now on: as they are, in base64, URL-encoded and as JSON writes them."""
        found = {spelling for secret in secrets for spelling in _spellings(secret)}
        with self._lock:
            self._spellings = tuple(sorted(found.union(self._spellings), key=len, reverse=True))

    def redact(self, value: Any) -> Any:
        """A copy of the JSON `value` with everything masked that must be; all of it when it is too deep or large."""
        return self._passed(value, by_name=True)

    def without_secrets(self, value: Any) -> Any:
        """The JSON `value` with nothing masked but known secret values; all of it when it is too deep or large."""
        return self._passed(value, by_name=False) if self._spellings else value

    def _passed(self, value: Any, *, by_name: bool) -> Any:
        try:
            return _Pass(self, by_name=by_name).value(value, 0)
        except _CannotFinish:
            return REDACTED

    def hides(self, name: str, value: Any) -> bool:
        """Whether `value` under the key `name` is masked whole."""
        hidden = self._hidden.get(name)
        if hidden is None:
            hidden = name.lower() in self._names or is_telling(name)
            if len(self._hidden) < MOST_NAMES:
                self._hidden[name] = hidden
        if not hidden:
            return False
        counts = isinstance(value, int | float) and _counts_tokens(name) and name.lower() not in self._names
        return not counts

    def text(self, text: str) -> str:
        """The text with every known secret value masked."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, REDACTED)
        return text

    def found_in(self, content: bytes) -> bool:
        """Whether a file that is no text holds a known secret value."""
        return any(spelling.encode(errors="surrogatepass") in content for spelling in self._spellings)


def texts_in(value: Any) -> list[str]:
    """Every text in a JSON value, keys left out."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping | list):
        return [text for item in (value.values() if isinstance(value, Mapping) else value) for text in texts_in(item)]
    return []


class _CannotFinish(Exception):
    """The value is too deep or too large to look through."""


class _Pass:
    """One walk over one value, with its bounds."""

    def __init__(self, redactor: Redactor, *, by_name: bool) -> None:
        self._redactor = redactor
        self._by_name = by_name
        self._seen = 0

    def value(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self._redactor.text(value)
        self._seen += len(value)
        if depth > MAX_DEPTH or self._seen > MAX_VALUES:
            raise _CannotFinish
        if isinstance(value, Mapping):
            return {self._redactor.text(key): self._under(key, item, depth) for key, item in value.items()}
        return [self.value(item, depth + 1) for item in value]

    def _under(self, key: str, value: Any, depth: int) -> Any:
        if self._by_name and value is not None and self._redactor.hides(key, value):
            return REDACTED
        return self.value(value, depth + 1)


@lru_cache(maxsize=4096)
def is_telling(name: str) -> bool:
    """Whether the words of a name say that its value is secret. Whole words count, plurals too."""
    if name.lower() in _NEVER:
        return False
    words = [_singular(word.lower()) for word in _WORDS.findall(name)]
    pairs = pairwise(words)
    return any(word in _SINGLE or word in _JOINED for word in words) or any(pair in _PAIRS for pair in pairs)


def _counts_tokens(name: str) -> bool:
    return name == "max_tokens" or name.lower().endswith("_tokens")


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _spellings(secret: str) -> set[str]:
    if len(secret) < _SHORTEST_SECRET:
        return set()
    raw = secret.encode(errors="surrogatepass")
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    quoted = {quote(raw, safe=""), quote_plus(raw)}
    written = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {secret} | quoted | written | encoded | {text.rstrip("=") for text in encoded} | _inside_base64(raw)


def _inside_base64(raw: bytes) -> set[str]:
    """How base64 writes the bytes behind one or two others, as in `user:password`: the part that is always the same."""
    found = set()
    for before in (1, 2):
        first, end = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(bytes(before) + raw).decode()[first:end])
    return {part for part in found if len(part) >= _SHORTEST_PART}


PLAIN: Final = Redactor()
"""Masks by telling names alone."""

SEEN: Final = Redactor()
"""Masks what this process writes into its logs; it knows every secret value that was resolved here."""
