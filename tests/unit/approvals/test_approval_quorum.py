"""When votes make a decision."""

import pytest

from approvals.rules.quorum import Ballot, Tally, tally

YES, NO = Ballot("approved"), Ballot("rejected")
NORTH, SOUTH = Ballot("approved", "north"), Ballot("approved", "south")


@pytest.mark.parametrize(
    ("ballots", "approvers", "rejections", "expected"),
    [
        ([YES], 1, 1, Tally(1, 1)),
        ([YES], 2, 1, Tally(1, 2)),
        ([YES, YES], 2, 1, Tally(2, 2)),
        ([YES, NO], 2, 1, Tally(1, 1)),
        ([YES, NO], 2, 2, Tally(1, 2)),
        ([NORTH, SOUTH], 2, 1, Tally(1, 2)),
        ([NORTH, SOUTH, NORTH], 2, 1, Tally(2, 2)),
    ],
)
def test_votes_of_one_mind_are_counted(ballots, approvers, rejections, expected):
    counted = tally(ballots, approvers, rejections)
    assert counted == expected
    assert counted.decided is (expected.have >= expected.need)
