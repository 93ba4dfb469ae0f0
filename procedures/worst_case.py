"""Worst cases of the analysis as people say them."""

from collections.abc import Mapping
from typing import Any, Final

from langorch.lib import moments

DIMENSIONS: Final = {"cost_usd": "cost", "tokens": "tokens", "active_ms": "time at work", "waiting_ms": "time waiting"}
"""The parts of a bound and what people call them."""


def most_in_words(dimension: str, amount: Mapping[str, Any]) -> str:
    """One entry of `bounds` (max, computable, reasons) with its unit: `at most 4 min`, `none`, or `no bound`."""
    most = amount["max"]
    if not amount["computable"]:
        return "no bound"
    if not most:
        return "none"
    if dimension == "cost_usd":
        return f"at most ${most:,.2f}" if most >= 0.01 else "less than $0.01"
    return f"at most {most:,}" if dimension == "tokens" else f"at most {moments.duration(most / 1_000)}"


def spending_in_words(bounds: Mapping[str, Any]) -> list[str]:
    """One sentence part for each dimension, with the reasons where there is no bound."""
    found = []
    for dimension, name in DIMENSIONS.items():
        reasons = "; ".join(bounds[dimension]["reasons"])
        said = most_in_words(dimension, bounds[dimension])
        found.append(f"{name}: {said} ({reasons})" if reasons else f"{name}: {said}")
    return found
