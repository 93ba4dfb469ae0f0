"""What a fork keeps: the visits before a boundary."""

from orchestration.forking import before, carrier
from tests.unit.runs.test_timeline import FakeVisit, at


class Recorded(FakeVisit):
    changes: dict[str, int] = {}


def visit(path: str, pos: int, began: float, ended: float | None) -> Recorded:
    return Recorded(path, at(began), at(ended) if ended is not None else None, pos=pos)


def kept(visits: list[Recorded], path: str) -> tuple[set[str], set[str]]:
    found = before(visits, next(one for one in visits if one.path == path))
    return {one.path for one in found.done}, {one.path for one in found.opened}


LOOP = [
    visit("a", 1, 0, 1),
    visit("loop", 2, 1, 20),
    visit("loop[0]/x", 1, 2, 3),
    visit("loop[0]/y", 2, 3, 4),
    visit("loop[1]/x", 1, 4, 5),
    visit("loop[1]/y", 2, 5, 6),
    visit("loop[2]/x", 1, 6, 7),
    visit("b", 3, 20, 21),
]


def test_in_the_main_region_everything_before_stays_with_what_is_inside():
    assert kept(LOOP, "a") == (set(), set())
    assert kept(LOOP, "loop") == ({"a"}, set())
    assert kept(LOOP, "b") == ({one.path for one in LOOP} - {"b"}, set())


def test_in_an_iteration_the_loop_is_entered_again_and_later_iterations_go():
    assert kept(LOOP, "loop[1]/y") == ({"a", "loop[0]/x", "loop[0]/y", "loop[1]/x"}, {"loop"})
    assert kept(LOOP, "loop[0]/x") == ({"a"}, {"loop"})


BRANCHES = [
    visit("fork", 1, 0, None),
    visit("fork:left/p", 1, 1, 2),
    visit("fork:left/q", 2, 8, 9),
    visit("fork:right/inner", 1, 1, 12),
    visit("fork:right/inner[0]/r", 1, 2, 3),
    visit("fork:right/inner[1]/r", 1, 4, 11),
    visit("fork:right/s", 2, 12, 13),
]


def test_beside_the_boundary_stays_what_had_ended_by_then():
    assert kept(BRANCHES, "fork:left/q") == (
        {"fork:left/p", "fork:right/inner[0]/r"},
        {"fork", "fork:right/inner"},
    )


def test_what_has_not_ended_is_not_kept():
    visits = [visit("a", 1, 0, 1), visit("ask", 2, 1, None)]
    assert kept(visits, "ask") == ({"a"}, set())


def test_the_variables_at_a_boundary_come_last_from():
    def last(path: str) -> str | None:
        found = carrier(LOOP, next(one for one in LOOP if one.path == path))
        return found.path if found else None

    assert {path: last(path) for path in ("a", "loop", "loop[0]/x", "loop[1]/x", "loop[1]/y", "b")} == {
        "a": None,
        "loop": "a",
        "loop[0]/x": "a",
        "loop[1]/x": "loop[0]/y",
        "loop[1]/y": "loop[1]/x",
        "b": "loop",
    }
