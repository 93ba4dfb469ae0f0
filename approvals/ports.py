"""What approvals need from runs, which lie above them: registered once at start-up."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from tenants.actor import Actor

if TYPE_CHECKING:
    from approvals.models import Approval


class WaitingRuns(Protocol):
    """The runs whose visits wait for approvals."""

    def lock(self, approval: "Approval") -> bool:
        """Lock the run, then its open wait, before the approval is locked.

        Whether the run waits for exactly this approval; False when it has ended or waits at another visit.
        """

    def answer(self, approval: "Approval", answer: dict[str, Any]) -> None:
        """Close the wait with `answer` and let the run go on; same transaction as the decision."""

    def postpone(self, approval: "Approval") -> None:
        """Let the locked wait for this approval last until the approval's new end."""

    def record(self, approval: "Approval", event_type: str, payload: dict[str, Any]) -> None:
        """Write an event of the run about this approval; same transaction."""

    def faults(self, approval: "Approval", edits: Mapping[str, Any]) -> dict[str, str]:
        """What the run's document does not allow of corrected variables: a sentence for each of them."""

    def files(self, actor: Actor, approval: "Approval", ids: Sequence[str]) -> list[Any]:
        """What pages show of artifacts of the run, in this order; those that are gone are left out."""

    def statuses(self, run_ids: Iterable[UUID]) -> dict[UUID, str]:
        """The present statuses of runs, for showing beside approvals."""


_runs: list[WaitingRuns] = []


def register(runs: WaitingRuns) -> None:
    """Name the runs. Called once, by the app above."""
    _runs[:] = [runs]


def runs() -> WaitingRuns:
    """The registered runs. Raises `IndexError` when no app above has registered."""
    return _runs[0]
