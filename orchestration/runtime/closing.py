"""Closing what waits at or below a place of a run that has been decided without it (runtime 7 and 10)."""

from approvals import services as approvals
from orchestration import canceling
from orchestration.runtime import paths
from orchestration.runtime.drive import Drive


def close(drive: Drive, place: str, reason: str) -> None:
    """Cancel the children and the open waits at or below a visit or a region, and withdraw the approvals among them."""
    if not drive.waited:
        return
    drive.journal.close(place)
    with drive.journal.together():
        approvals.cancel_for_run(drive.run.pk, reason=reason, below=[place])
    if drive.program.has_children:
        canceling.cancel_children(drive.run.pk, lambda path: paths.holds(place, path))
