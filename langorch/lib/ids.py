"""The one source of identifiers and chance, so that tests control them."""

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from langorch.lib import clock

_random_bytes: ContextVar[Callable[[int], bytes]] = ContextVar("random_bytes", default=secrets.token_bytes)


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, then chance, so keys sort by creation."""
    milliseconds = int(clock.now().timestamp() * 1000)
    noise = int.from_bytes(_random_bytes.get()(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (noise >> 68) << 64 | 0b10 << 62 | noise & (2**62 - 1)
    return uuid.UUID(int=value)


def token(size: int = 32) -> str:
    """An unguessable text made of `size` random bytes, in hex."""
    return _random_bytes.get()(size).hex()


def password() -> str:
    """A password of 20 characters that a person can copy."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    picked = [alphabet[byte % len(alphabet)] for byte in _random_bytes.get()(20)]
    return "-".join("".join(picked[start : start + 5]) for start in range(0, 20, 5))


@contextmanager
def use(random_bytes: Callable[[int], bytes]) -> Iterator[None]:
    """Take chance from `random_bytes(size)` inside the block."""
    reset = _random_bytes.set(random_bytes)
    try:
        yield
    finally:
        _random_bytes.reset(reset)
