"""Problems stand beside their lines, and lines far from them are folded."""

from procedures.listing import listing

TEXT = "\n".join(f"line {number}" for number in range(1, 101))


def problem(line, severity="error"):
    return {"line": line, "severity": severity, "message": "wrong", "code": "CKP001"}


def test_only_the_neighbourhood_of_a_problem_is_shown():
    rows = listing(TEXT, [problem(50)])
    assert [row.number for row in rows] == [0, *range(45, 54), 0]
    assert next(row for row in rows if row.number == 50).tone == "p-bad"


def test_the_worst_problem_colours_the_line():
    rows = listing(TEXT, [problem(1, "info"), problem(1, "warning")])
    assert rows[0].tone == "p-warn"
    assert len(rows[0].problems) == 2


def test_without_problems_or_on_request_the_whole_text_is_shown():
    assert len(listing(TEXT, [])) == 100
    assert len(listing(TEXT, [problem(3)], whole=True)) == 100


def test_a_problem_behind_the_last_line_stands_at_the_last_line():
    assert listing("{}", [problem(7)])[0].problems
