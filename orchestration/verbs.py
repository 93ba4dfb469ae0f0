"""Which verbs a run takes now, and why not the others (api 5). Pure."""

from dataclasses import dataclass

from orchestration.choices import ENDED, PARKED, RunStatus
from procedures.choices import VersionStatus

NEEDS_PERMISSION = "You need the permission runs.operate."
FAILED_STEP, FROM_START, NEW_RUN = "failed_step", "start", "new_run"
RETRY_MODES = (FAILED_STEP, FROM_START, NEW_RUN)

UNDONE = "What the run had done was undone already."

Verdict = bool | str
"""True, or the reason why not."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides about verbs. `version_status` is empty for a version that was deleted.

    `compensation` is how far the run is undone, `is_manual` whether its document leaves that to people.
    """

    status: str
    may_operate: bool
    version_status: str
    cancel_requested: bool = False
    held: bool = False
    is_child: bool = False
    compensation: str = ""
    is_manual: bool = False


def verbs(now: Situation) -> dict[str, Verdict]:
    """Each verb with True or the reason why not."""
    if not now.may_operate:
        return dict.fromkeys(("cancel", "retry", "pause", "resume", "fork", "compensate", "delete"), NEEDS_PERMISSION)
    return {
        "cancel": _cancel(now),
        "retry": _retry(now),
        "pause": _pause(now),
        "resume": _resume(now),
        "fork": why_not_fork(now) or True,
        "compensate": why_not_compensate(now) or True,
        "delete": True if now.status in ENDED else "The run has not ended; cancel it first.",
    }


def why_not_retry(now: Situation, mode: str) -> str | None:
    """Why a retry in `mode` is refused, or None."""
    if now.status not in ENDED:
        return "The run has not ended; cancel it first."
    if now.version_status == VersionStatus.ARCHIVED:
        return "Its version was archived since."
    if mode == FAILED_STEP and now.compensation:
        return UNDONE
    if mode == FAILED_STEP and now.is_child:
        return "It is part of another run: retry that one, and this one goes on with it."
    if mode == FAILED_STEP and now.status == RunStatus.COMPLETED:
        return "The run has completed; it can be retried from the start, as a new run."
    if mode != FAILED_STEP and not now.version_status:
        return "Its version was deleted since."
    return None


def why_not_compensate(now: Situation) -> str | None:
    """Why undoing is refused, or None."""
    if now.status not in (RunStatus.FAILED, RunStatus.CANCELED):
        return "Only a run that failed or was canceled can be undone."
    if now.compensation:
        return UNDONE
    return None if now.is_manual else "Its procedure says itself when a run is undone, and this one was not to be."


def why_not_fork(now: Situation) -> str | None:
    """Why a fork is refused, or None."""
    if now.status not in ENDED | PARKED:
        return "The run is at work or queued; it can be forked once it waits or has ended."
    if now.version_status == VersionStatus.ARCHIVED:
        return "Its version was archived since."
    return None if now.version_status else "Its version was deleted since."


def _cancel(now: Situation) -> Verdict:
    if now.status == RunStatus.CANCELED:
        return "The run is canceled already."
    if now.status in ENDED:
        return "The run has ended."
    if now.compensation:
        return "The run is being undone; then it ends by itself."
    if now.cancel_requested:
        return "Cancel was asked for already; the run stops at its next step."
    return True


def _pause(now: Situation) -> Verdict:
    if now.status in ENDED:
        return "The run has ended."
    return "The run is on hold already." if now.held else True


def _resume(now: Situation) -> Verdict:
    if now.status in ENDED:
        return "The run has ended."
    return True if now.held else "The run is not on hold."


def _retry(now: Situation) -> Verdict:
    refused = [why_not_retry(now, mode) for mode in RETRY_MODES]
    return True if None in refused else str(refused[0])
