"""How each status looks: icon, word and tone. One table for every page; the word is never dropped."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """A symbol of the sprite, the word for people, and a tone: ok, bad, warn, live, hold, or "" for grey."""

    icon: str
    word: str
    tone: str = ""


LOOKS: dict[str, dict[str, Look]] = {
    "run": {
        "created": Look("s-queued", "Queued"),
        "running": Look("s-running", "Running", "live"),
        "waiting_approval": Look("s-person", "Needs approval", "warn"),
        "paused": Look("s-paused", "Paused", "hold"),
        "completed": Look("s-ok", "Completed", "ok"),
        "failed": Look("s-failed", "Failed", "bad"),
        "canceled": Look("s-canceled", "Canceled"),
    },
    "step": {
        "started": Look("s-running", "Running", "live"),
        "waiting": Look("s-pending", "Waiting", "hold"),
        "asking": Look("s-person", "Needs a person", "warn"),
        "completed": Look("s-ok", "Completed", "ok"),
        "failed": Look("s-failed", "Failed", "bad"),
    },
    "approval": {
        "pending": Look("s-pending", "Pending"),
        "soon": Look("s-pending", "Due soon", "warn"),
        "overdue": Look("s-timeout", "Overdue", "bad"),
        "approved": Look("s-ok", "Approved", "ok"),
        "rejected": Look("s-failed", "Rejected", "bad"),
        "timeout": Look("s-timeout", "Timed out", "bad"),
        "cancelled": Look("s-canceled", "Withdrawn"),
    },
    "agent": {
        "online": Look("s-online", "Online", "ok"),
        "offline": Look("s-offline", "Offline"),
        "cold": Look("s-cold", "Cold", "hold"),
        "paused": Look("s-paused", "Paused", "hold"),
        "quarantined": Look("s-quar", "Quarantined", "bad"),
        "circuit_open": Look("s-open", "Circuit open", "bad"),
        "circuit_half_open": Look("s-half", "Circuit half open", "warn"),
    },
    "pool": {
        "saturated": Look("queue", "Saturated", "warn"),
    },
    "version": {
        "draft": Look("s-draft", "Draft", "hold"),
        "active": Look("s-online", "Active", "ok"),
        "deprecated": Look("s-old", "Deprecated", "warn"),
        "archived": Look("s-old", "Archived"),
    },
    "problem": {
        "error": Look("s-failed", "Error", "bad"),
        "warning": Look("alert", "Warning", "warn"),
        "info": Look("info", "Note"),
    },
}


def look(kind: str, status: str) -> Look:
    """The look of `status` of a `kind` of object. Raises LookupError for a pair the table does not have."""
    try:
        return LOOKS[kind][status]
    except KeyError:
        raise LookupError(f"No look for status {status!r} of {kind!r}") from None
