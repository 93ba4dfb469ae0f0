"""What became of what a run had done, in words."""

import pytest

from orchestration.undo_words import fate


@pytest.mark.parametrize(
    ("compensation", "told", "words"),
    [
        ("", None, "What was done before stays done."),
        ("done", {"done": 3, "failed": 0}, "What was done before was undone."),
        ("done", {"done": 0, "failed": 0}, "Nothing that was done before could be undone."),
        ("done", {"done": 1, "failed": 2}, "Of what was done before, 1 could be undone and 2 could not."),
        ("done", {"done": 0, "failed": 1}, "Of what was done before, 0 could be undone and 1 could not."),
        ("done", None, "What was done before was undone."),
    ],
)
def test_what_became_of_what_was_done(compensation: str, told: dict[str, int] | None, words: str):
    assert fate(compensation, told) == words
