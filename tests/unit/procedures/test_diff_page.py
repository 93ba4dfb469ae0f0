"""A difference as its page shows it: breaking changes first, lines with numbers, long lists cut."""

import json

from procedures.ckp.compile import compile_document
from procedures.ckp.diff import diff
from procedures.diff_page import MOST_CHANGES, MOST_LINES, difference, lines
from tests.documents import hello


def canonical(document):
    compiled = compile_document(json.dumps(document))
    assert compiled.ok, compiled.problems
    return compiled.canonical


def compared(before, after):
    return difference(diff(canonical(before), canonical(after)))


def variables(*names, **root):
    return hello(variables_schema={name: {"type": "string"} for name in ("who", *names)}, **root)


def test_what_breaks_comes_first_and_is_counted():
    found = compared(variables("old"), variables("new", description="Other words"))
    assert [change.breaking for change in found.changes] == [True, False, False]
    assert (found.breaking, found.total, found.more_changes, found.identical) == (1, 3, 0, False)
    assert "new major version" in found.advice


def test_additions_are_minor_and_words_a_patch():
    assert "new minor version" in compared(variables(), variables("new")).advice
    assert "new patch version" in compared(variables(), variables(description="Other words")).advice
    same = compared(variables(), variables(version="2.0.0"))
    assert (same.identical, same.changes, same.lines, same.advice) == (True, [], [], "")


def test_lines_are_numbered_in_the_text_they_stand_in():
    unified = "--- before\n+++ after\n@@ -3,3 +3,3 @@\n a\n-b\n+c\n d\n@@ -20 +20,2 @@\n e\n+f"
    shown = [(line.number, line.sign, line.text) for line in lines(unified)]
    assert shown == [
        (3, " ", "a"),
        (4, "-", "b"),
        (4, "+", "c"),
        (5, " ", "d"),
        (0, "", "⋯"),
        (20, " ", "e"),
        (21, "+", "f"),
    ]


def test_long_differences_are_cut_and_say_so():
    found = compared(variables(), variables(*(f"v{number}" for number in range(MOST_CHANGES + 5))))
    assert (len(found.changes), found.total, found.more_changes) == (MOST_CHANGES, MOST_CHANGES + 5, 5)
    long = "\n".join(["--- before", "+++ after", "@@ -1 +1,9 @@", *["+x"] * (MOST_LINES + 7)])
    found = difference(diff(canonical(hello()), canonical(hello())) | {"text": long})
    assert (len(found.lines), found.more_lines) == (MOST_LINES, 7)
