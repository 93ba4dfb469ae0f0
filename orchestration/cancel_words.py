"""Who canceled a run and why, in words. Pure."""

from typing import Final

from tenants.actor import SYSTEM_NAME

BY_PARENT: Final = "parent"
"""The reason of a cancel because the run that started this one ends or goes on without it."""
NO_REASON: Final = "cancel_signal"
FORCED: Final = "forced"
"""The reason of a cancel that the worker did not carry out in time."""


def is_by_parent(by: str, reason: str) -> bool:
    """Whether the run was canceled because of the one that started it."""
    return by == SYSTEM_NAME and reason == BY_PARENT


def why(by: str, reason: str) -> str:
    """As it follows "canceled"; empty when nothing is known."""
    if is_by_parent(by, reason):
        return "with the run that it is part of"
    who = f"by {by}" if by else ""
    if reason == FORCED:
        return f"{who}, taken from a worker that did not stop".lstrip(", ")
    return f"{who}: {reason}" if reason not in ("", NO_REASON) else who
