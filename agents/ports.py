"""What agents need from runs, which lie above them: registered once at start-up."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from agents.models import Agent, AgentLease


class Waiters(Protocol):
    """The steps that wait for an agent."""

    def wake(self, agent: "Agent", most: int) -> None:
        """Let the `most` best steps that could use `agent` look again; same transaction as what made it free."""

    def tell_revoked(self, lease: "AgentLease", by: str) -> None:
        """Write an event of the run whose lease somebody took away; same transaction."""


_waiters: list[Waiters] = []


def register(waiters: Waiters) -> None:
    """Name the waiters. Called once, by the app above."""
    _waiters[:] = [waiters]


def waiters() -> Waiters:
    """The registered waiters. Raises `IndexError` when no app above has registered."""
    return _waiters[0]
