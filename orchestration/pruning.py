"""What is removed when its time has come (settings 5): a bit each hour, the oldest first."""

from collections.abc import Callable
from typing import Final

import structlog

from langorch.lib import clock
from orchestration.artifacts import retention

log = structlog.get_logger(__name__)

MOST_SECONDS: Final = 300.0
PARTS: Final[dict[str, Callable[[float], int]]] = {
    "artifacts": retention.prune_artifacts,
    "files": retention.sweep_files,
}
"""By what it removes: each takes the monotonic time at which it stops, and gives how many went."""


def prune() -> dict[str, int]:
    """Remove what is old, for at most five minutes; how much of each kind. Doing it twice at once does no harm."""
    until = clock.monotonic() + MOST_SECONDS
    removed = {name: part(until) for name, part in PARTS.items()}
    if any(removed.values()):
        log.info("retention_done", **removed)
    return removed
