"""When votes make a decision: the first number that is reached decides."""

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.rules.answers import APPROVED


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote: the verdict, and the option it is for."""

    verdict: str
    selected_option: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many people of one mind there are, and how many it takes."""

    have: int
    need: int

    @property
    def decided(self) -> bool:
        return self.have >= self.need


def tally(ballots: Sequence[Ballot], min_approvers: int, min_rejections: int) -> Tally:
    """How far the cause of the last ballot is. Votes for different options do not add up."""
    last = ballots[-1]
    need = min_approvers if last.verdict == APPROVED else min_rejections
    return Tally(have=sum(ballot == last for ballot in ballots), need=need)
