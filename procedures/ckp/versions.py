"""Versions and the pins that select them (CKP 2.1, 2.11, 8)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = r"(?:0|[1-9]\d{0,8})"
_TAIL: Final = r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_SEMANTIC: Final = re.compile(rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER}){_TAIL}")
_PARTIAL: Final = re.compile(rf"({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER})(?:-([0-9A-Za-z.-]+))?)?")
_PREFIX: Final = re.compile(rf"({_NUMBER})(?:\.({_NUMBER}))?\.[xX*]")
_BOUND: Final = re.compile(r"(>=|<=|>|<|=)\s*(\S+)")

Precedence = tuple[int, int, int, tuple[tuple[int, int, str], ...]]
_RELEASE: Final = ((2, 0, ""),)
"""A release stands above all its pre-releases."""
LATEST: Final = "latest"


class PinFault(ValueError):
    """A pin that cannot be read."""


def is_semantic(version: str) -> bool:
    """Whether a version is MAJOR.MINOR.PATCH, with or without pre-release and build."""
    return _SEMANTIC.fullmatch(version) is not None


def precedence(version: str) -> Precedence | None:
    """The place of a version in semantic order; None when it is not semantic."""
    match = _SEMANTIC.fullmatch(version)
    if match is None:
        return None
    major, minor, patch = (int(part) for part in match.groups()[:3])
    return major, minor, patch, _pre_release(match[4])


def _pre_release(text: str | None) -> tuple[tuple[int, int, str], ...]:
    if text is None:
        return _RELEASE
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split("."))


def padded(version: str) -> str:
    """A version with the parts that are missing, as agents and tools write theirs: `2` is `2.0.0`."""
    match = _PARTIAL.fullmatch(version.strip().lstrip("v"))
    if match is None or match[3] is not None:
        return version
    return f"{match[1]}.{match[2] or 0}.0"


@dataclass(frozen=True, slots=True)
class Pin:
    """What a subflow or a step asks of a version: `latest`, one exact version, or a range."""

    text: str
    exact: bool = False
    accepts: Callable[[str], bool] = lambda version: False

    @property
    def latest(self) -> bool:
        """Whether no version is asked for."""
        return self.text == LATEST

    def newest(self, versions: Iterable[str]) -> str | None:
        """The newest version that the pin accepts, by semantic order; an exact pin takes its own."""
        if self.exact:
            return next((version for version in versions if version == self.text), None)
        ranked = [(place, version) for version in versions if self.accepts(version) and (place := precedence(version))]
        return max(ranked)[1] if ranked else None


def read_pin(text: str) -> Pin:
    """Reads `latest`, `1.2.3`, `^1.2`, `~1.2.3`, `>=1.1 <2`, `1.x`. Raises PinFault."""
    pin = text.strip()
    if pin == LATEST:
        return Pin(LATEST)
    if not pin:
        raise PinFault("The pin is empty.")
    if pin[0] in "^~":
        return _caret_or_tilde(pin)
    if pin[0] in "<>=":
        return _bounds(pin)
    prefix = _PREFIX.fullmatch(pin)
    if prefix:
        return _between(pin, _low(prefix[1], prefix[2], None), _after(prefix[1], prefix[2]))
    if pin in "xX*" or re.search(r"[\s|,^~<>=]", pin):
        raise PinFault(f"'{pin}' is no version and no range.")
    return Pin(pin, exact=True, accepts=lambda version: version == pin)


def read_range(text: str) -> Pin:
    """Reads the range of a capability version: as a pin, `latest` left out. Raises PinFault."""
    pin = read_pin(text)
    if pin.latest:
        raise PinFault("'latest' is no range of versions.")
    return pin


def _caret_or_tilde(pin: str) -> Pin:
    match = _PARTIAL.fullmatch(pin[1:].strip())
    if match is None:
        raise PinFault(f"'{pin}' is no range: write ^1.2 or ~1.2.3.")
    major, minor, patch, pre = match.groups()
    low = _low(major, minor, patch, pre)
    if pin[0] == "~":
        return _between(pin, low, _after(major, minor))
    if int(major) or minor is None:
        return _between(pin, low, _after(major, None))
    if int(minor) or patch is None:
        return _between(pin, low, _after(major, minor))
    return _between(pin, low, (0, 0, int(patch) + 1, ()))


def _low(major: str, minor: str | None, patch: str | None, pre: str | None = None) -> Precedence:
    return int(major), int(minor or 0), int(patch or 0), _pre_release(pre)


def _after(major: str, minor: str | None) -> Precedence:
    """Just below the next minor, or the next major: before all its pre-releases."""
    if minor is None:
        return int(major) + 1, 0, 0, ()
    return int(major), int(minor) + 1, 0, ()


def _between(pin: str, low: Precedence, high: Precedence) -> Pin:
    def accepts(version: str) -> bool:
        place = precedence(version)
        if place is None or not low <= place < high:
            return False
        return place[3] == _RELEASE or place[:3] == low[:3]

    return Pin(pin, accepts=accepts)


def _bounds(pin: str) -> Pin:
    parts = re.findall(r"(?:>=|<=|>|<|=)\s*\S+", pin)
    if "".join(parts).replace(" ", "") != pin.replace(" ", "").replace(",", ""):
        raise PinFault(f"'{pin}' is no range: write >=1.1 <2.")
    tests = [_bound(pin, part) for part in parts]
    return Pin(pin, accepts=lambda version: all(test(version) for test in tests))


def _bound(pin: str, part: str) -> Callable[[str], bool]:
    match = _BOUND.fullmatch(part.rstrip(","))
    partial = _PARTIAL.fullmatch(match[2]) if match else None
    if match is None or partial is None:
        raise PinFault(f"'{pin}' is no range: write >=1.1 <2.")
    major, minor, patch, pre = partial.groups()
    low = _low(major, minor, patch, pre)
    high = (*low[:2], low[2] + 1, ()) if patch is not None else _after(major, minor)
    floor = low if pre else (*low[:3], ())
    return _COMPARISONS[match[1]](low, high, floor)


def _at_least(low: Precedence, high: Precedence, floor: Precedence) -> Callable[[str], bool]:
    return lambda version: (place := precedence(version)) is not None and place >= low


def _above(low: Precedence, high: Precedence, floor: Precedence) -> Callable[[str], bool]:
    return lambda version: (place := precedence(version)) is not None and place >= high


def _below(low: Precedence, high: Precedence, floor: Precedence) -> Callable[[str], bool]:
    return lambda version: (place := precedence(version)) is not None and place < floor


def _at_most(low: Precedence, high: Precedence, floor: Precedence) -> Callable[[str], bool]:
    return lambda version: (place := precedence(version)) is not None and place < high


def _equal(low: Precedence, high: Precedence, floor: Precedence) -> Callable[[str], bool]:
    return lambda version: (place := precedence(version)) is not None and low <= place < high


_COMPARISONS: Final = {">=": _at_least, ">": _above, "<": _below, "<=": _at_most, "=": _equal}
