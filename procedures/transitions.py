"""The moves of versions between draft, active, deprecated and archived (CKP 8)."""

from langorch.lib import clock
from langorch.lib.errors import Conflict, Invalid
from procedures.choices import VersionStatus
from procedures.models import ProcedureVersion

MOVES: dict[str, tuple[VersionStatus, ...]] = {
    VersionStatus.DRAFT: (VersionStatus.ACTIVE, VersionStatus.ARCHIVED),
    VersionStatus.ACTIVE: (VersionStatus.DEPRECATED, VersionStatus.ARCHIVED, VersionStatus.DRAFT),
    VersionStatus.DEPRECATED: (VersionStatus.ACTIVE, VersionStatus.ARCHIVED),
    VersionStatus.ARCHIVED: (VersionStatus.DEPRECATED,),
}
"""Draft after active is further bound to: no run and no release yet."""


def read_status(text: str) -> VersionStatus:
    """A status by its name. Raises `Invalid` (invalid_status)."""
    try:
        return VersionStatus(text)
    except ValueError:
        known = ", ".join(VersionStatus.values)
        raise Invalid(f"{text!r} is no status of a version; there are {known}.", code="invalid_status") from None


def require_legal(version: ProcedureVersion, to: VersionStatus) -> None:
    """Raise `Conflict` (illegal_transition) when the table has no such move."""
    if to not in MOVES[version.status]:
        raise _illegal(version.status, to)


def move(version: ProcedureVersion, to: VersionStatus) -> None:
    """Change the status in the row and in `version`. Raises `Conflict` when another request was faster."""
    now = clock.now()
    moved = ProcedureVersion.system.filter(pk=version.pk, status=version.status).update(status=to, updated_at=now)
    if moved != 1:
        raise _illegal(version.status, to)
    version.status, version.updated_at = to, now


def _illegal(present: str, to: VersionStatus) -> Conflict:
    legal = ", ".join(MOVES[present])
    return Conflict(f"A version that is {present} cannot become {to}; it may become {legal}.")
