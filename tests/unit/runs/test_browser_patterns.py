"""Patterns reach the browser in its own grammar, or not at all."""

import pytest

from orchestration.browser_patterns import browser_pattern


@pytest.mark.parametrize(
    ("ours", "browsers"),
    [
        ("[A-Z]{2}-[0-9]{4,8}", "[A-Z]{2}-[0-9]{4,8}"),
        ("[A-Z0-9][A-Z0-9/-]{2,29}", r"[A-Z0-9][A-Z0-9\/\-]{2,29}"),
        (r"[-\w.]+@[\w.]+\.[a-z]{2,}", r"[\-\w.]+@[\w.]+\.[a-z]{2,}"),
        (r"\@home|[^(){}|]+", r"@home|[^\(\)\{\}\|]+"),
        (r"(?:ab|cd)\d+", r"(?:ab|cd)\d+"),
        ("[]x]", r"[\]x]"),
        (r"a\/b", r"a\/b"),
    ],
)
def test_a_pattern_is_written_as_browsers_want_it(ours, browsers):
    assert browser_pattern(ours) == browsers


@pytest.mark.parametrize("ours", ["(?i)abc", r"\Aabc\z", "(?P<year>\\d+)", "a++", "[a", "[a&&b]", r"\pL", "abc\\"])
def test_what_browsers_read_otherwise_is_left_to_us(ours):
    assert browser_pattern(ours) is None
