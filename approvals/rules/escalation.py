"""What happens by itself, and when: steps of the escalation, and the end at the due time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.rules.audience import Named

ESCALATE = "escalate"
VERDICTS = {"auto_approve": "approved", "auto_reject": "rejected"}
TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Step:
    """Further people. `mode` is reassign, add or notify; the times, in seconds, are both None or one of them given."""

    to: Named
    mode: str = "reassign"
    after: float | None = None
    before_due: float | None = None

    @property
    def has_time(self) -> bool:
        return self.after is not None or self.before_due is not None


@dataclass(frozen=True, slots=True)
class Move:
    """What happens next: at `at`, the escalation step number `step`, or, without one, the end."""

    at: datetime
    step: int | None = None


def next_move(
    steps: Sequence[Step], done: Collection[int], opened: datetime, due: datetime | None, timeout_action: str
) -> Move | None:
    """The earliest move, or None when nothing ever happens by itself."""
    moves = [Move(at, number) for number, at in _timed(steps, done, opened, due)]
    if due is not None:
        moves.append(Move(due, _untimed(steps, done) if timeout_action == ESCALATE else None))
    return min(moves, key=lambda move: (move.at, move.step is None), default=None)


def end_verdict(timeout_action: str) -> str:
    """How the system ends a question at its due time: approved, rejected or timeout."""
    return VERDICTS.get(timeout_action, TIMEOUT)


def _timed(
    steps: Sequence[Step], done: Collection[int], opened: datetime, due: datetime | None
) -> list[tuple[int, datetime]]:
    found: list[tuple[int, datetime]] = []
    for number, step in enumerate(steps):
        if number in done:
            continue
        if step.after is not None:
            found.append((number, opened + timedelta(seconds=step.after)))
        elif step.before_due is not None and due is not None:
            found.append((number, due - timedelta(seconds=step.before_due)))
    return found


def _untimed(steps: Sequence[Step], done: Collection[int]) -> int | None:
    return next((number for number, step in enumerate(steps) if not step.has_time and number not in done), None)
