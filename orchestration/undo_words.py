"""What became of what an ended run had done, in words. Pure."""

from collections.abc import Mapping
from typing import Any, Final

STAYS: Final = "What was done before stays done."
UNDONE: Final = "What was done before was undone."
NOTHING: Final = "Nothing that was done before could be undone."


def fate(compensation: str, told: Mapping[str, Any] | None) -> str:
    """One sentence; `compensation` is how far the run is undone, `told` the payload of the event that said so."""
    if not compensation:
        return STAYS
    done, failed = (int((told or {}).get(name) or 0) for name in ("done", "failed"))
    if failed:
        return f"Of what was done before, {done} could be undone and {failed} could not."
    return NOTHING if told and not done else UNDONE
