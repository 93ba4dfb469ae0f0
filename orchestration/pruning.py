"""What is removed when its time has come (settings 5): a bit each hour, the oldest first."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import structlog

from langorch.lib import clock
from orchestration import retention
from orchestration.artifacts.retention import sweep_files
from orchestration.retention import KINDS

log = structlog.get_logger(__name__)

MOST_SECONDS: Final = 300.0
FILES: Final = "files"
"""Files that no row names."""
EVERYTHING: Final = (*KINDS, FILES)


def prune(what: Iterable[str] = (), before: datetime | None = None, *, dry_run: bool = False) -> dict[str, int]:
    """Remove what is old, for at most five minutes; how much of each kind. Doing it twice at once does no harm.

    `before` takes the place of the ages that the settings give, and `dry_run` only counts; both leave out `FILES`.
    """
    until = clock.monotonic() + MOST_SECONDS
    removed = {}
    for name in what or EVERYTHING:
        if name != FILES:
            removed[name] = retention.prune(name, until, before, dry_run=dry_run)
        elif before is None and not dry_run:
            removed[name] = sweep_files(until)
    if any(removed.values()) and not dry_run:
        log.info("retention_done", **removed)
    return removed
