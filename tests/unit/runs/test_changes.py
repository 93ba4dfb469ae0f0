"""What is different between two sets of values."""

import pytest

from orchestration.changes import ABSENT, Difference, differences, same


def test_only_what_differs_is_told():
    before = {"a": 1, "b": {"x": [1, 2]}, "gone": None}
    after = {"a": 1.0, "b": {"x": [1, 3]}, "new": None}
    assert list(differences(before, after)) == [
        Difference("b", {"x": [1, 2]}, {"x": [1, 3]}),
        Difference("gone", None, ABSENT),
        Difference("new", ABSENT, None),
    ]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, True, False),
        ([True], [1], False),
        ({"a": 0}, {"a": False}, False),
        ({"a": 0}, {"a": 0.0}, True),
        ([1], [1, 2], False),
        ({}, [], False),
        (None, ABSENT, False),
        ("1", 1, False),
    ],
)
def test_values_are_json(one, other, equal):
    assert same(one, other) is equal
