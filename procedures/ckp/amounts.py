"""Worst-case amounts: dollars, tokens, active and waiting time, each with what keeps it from being known."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

DIMENSIONS: Final = ("cost_usd", "tokens", "active_ms", "waiting_ms")


@dataclass(frozen=True, slots=True)
class Amount:
    """At most `most`, unless there are reasons why nobody can say; then it is what is known."""

    most: float = 0
    reasons: tuple[str, ...] = ()

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.most + other.most, merged(self.reasons, other.reasons))

    def times(self, count: int) -> "Amount":
        """So many of it."""
        return Amount(self.most * count, self.reasons)

    def dearer(self, other: "Amount") -> "Amount":
        """The larger of two ways; what is unknown of either stays unknown."""
        return Amount(max(self.most, other.most), merged(self.reasons, other.reasons))

    def capped(self, cap: float | None) -> "Amount":
        """At most a cap, which makes the unknown known."""
        return self if cap is None else Amount(min(self.most, cap) if not self.reasons else cap)

    def as_dict(self) -> dict[str, Any]:
        """The amount as explain shows it."""
        most = round(self.most, 6)
        return {
            "max": int(most) if most == int(most) else most,
            "computable": not self.reasons,
            "reasons": list(self.reasons),
        }


def merged(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    """Reasons of both, each once."""
    return tuple(dict.fromkeys(left + right)) if left and right else left or right


@dataclass(frozen=True, slots=True)
class Amounts:
    """The four amounts of a node, a path, or a run."""

    cost_usd: Amount = field(default_factory=Amount)
    tokens: Amount = field(default_factory=Amount)
    active_ms: Amount = field(default_factory=Amount)
    waiting_ms: Amount = field(default_factory=Amount)

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(*(getattr(self, name) + getattr(other, name) for name in DIMENSIONS))

    def times(self, count: int) -> "Amounts":
        """So many of each."""
        return Amounts(*(getattr(self, name).times(count) for name in DIMENSIONS))

    def dearer(self, other: "Amounts") -> "Amounts":
        """The larger of each."""
        return Amounts(*(getattr(self, name).dearer(getattr(other, name)) for name in DIMENSIONS))

    def unknown(self, reason: str) -> "Amounts":
        """The same where nothing is spent; what is spent has no known end."""
        amounts = (getattr(self, name) for name in DIMENSIONS)
        return Amounts(
            *(Amount(one.most, merged(one.reasons, (reason,))) if one.most or one.reasons else one for one in amounts)
        )

    def as_dict(self) -> dict[str, Any]:
        """The amounts as explain shows them."""
        return {name: getattr(self, name).as_dict() for name in DIMENSIONS}


def total(amounts: Iterable[Amounts]) -> Amounts:
    """The sum."""
    found = Amounts()
    for one in amounts:
        found = found + one
    return found


def side_by_side(amounts: Iterable[Amounts]) -> Amounts:
    """Branches at once: money adds up, time is that of the longest."""
    found = Amounts()
    for one in amounts:
        longest = found.dearer(one)
        both = found + one
        found = Amounts(both.cost_usd, both.tokens, longest.active_ms, longest.waiting_ms)
    return found
