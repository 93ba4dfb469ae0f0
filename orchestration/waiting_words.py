"""What a run waits for, in plain words (runtime 2). Pure."""

from dataclasses import dataclass
from typing import Final

from orchestration.choices import WaitKind


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one thing that a run waits for; the rest stays empty.

    `place` is where in the run, `until` a moment in words; `who` is asked, holds the run or stands in the way; `in_use`
    of `most` are taken; `line` is the place in line, counted from 1.
    """

    kind: str
    ref: str
    place: str = ""
    until: str = ""
    who: str = ""
    in_use: int | None = None
    most: int | None = None
    line: int = 0


def sentence(known: Known) -> str:
    """The wait in one sentence, without its full stop."""
    words = _of_kind(known)
    return f"{words}, {ordinal(known.line)} in line" if known.line else words


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _of_kind(known: Known) -> str:
    place = known.place or "a step"
    match known.kind:
        case WaitKind.APPROVAL:
            return f"Waiting for a decision by {known.who}" if known.who else f"Waiting for a decision at {place}"
        case WaitKind.CALLBACK:
            return f"Waiting for the answer of {known.who or 'an agent'} at {place}{_at_most(known)}"
        case WaitKind.TIMER:
            return f"Waiting at {place} until {known.until or 'it is answered'}"
        case WaitKind.RETRY:
            return f"Waiting to try {place} again" + (f" at {known.until}" if known.until else "")
        case WaitKind.CAPACITY:
            return _capacity(known)
        case WaitKind.BUDGET:
            return f"Waiting for money: the budget {known.who or known.ref} is used up"
        case WaitKind.SUBFLOW:
            return f"Waiting for the run {known.who or known.ref} that {place} started"
        case _:
            return f"On hold by {known.who or 'an operator'}"


def _capacity(known: Known) -> str:
    kind, _, name = known.ref.partition(":")
    match kind:
        case "worker":
            return f"Waiting to be taken up again at {known.until}" if known.until else "Waiting for a free worker"
        case "tenant" | "project":
            return f"Waiting: the {kind} has {_use(known)} at work"
        case "procedure":
            return f"Waiting: the procedure has {_use(known)} under way"
        case "pool":
            return _pool(known, name)
        case "agent":
            called, _, action = name.partition("/")
            return f"Waiting for an agent that offers {action}: nobody on {called} does{_at_most(known)}"
        case "rate":
            return f"Waiting for the rate limit {known.who or f'of {name}'}{_at_most(known)}"
        case "key":
            holder = f" of {known.who}" if known.who else ""
            return f"Waiting for another step{holder} with the idempotency key {name}"
        case _:
            return f"Waiting for {known.ref}"


def _pool(known: Known, name: str) -> str:
    channel, _, pool = name.partition("/")
    where = f"on channel {channel}" if pool == STANDALONE else f"in pool {pool}"
    if known.who:
        return f"Waiting for an agent {where}: {known.who}"
    busy = f" ({known.in_use} of {known.most} busy)" if known.most is not None else ""
    return f"Waiting for a free agent {where}{busy}"


def _use(known: Known) -> str:
    if known.most is None:
        return "as many runs as it may have"
    return f"{known.in_use} of {known.most} run{'' if known.most == 1 else 's'}"


def _at_most(known: Known) -> str:
    return f", until {known.until} at most" if known.until else ""


STANDALONE: Final = "standalone"
"""The pool of agents that are in none."""
