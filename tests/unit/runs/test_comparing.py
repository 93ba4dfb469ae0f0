"""Two runs side by side: what is paired with what, and what counts as the same."""

from dataclasses import dataclass
from typing import Any

from orchestration.changes import ABSENT
from orchestration.comparing import first_difference, node_times, paths, steps, values
from tests.unit.runs.test_timeline import FakeVisit, at


@dataclass
class Step:
    path: str
    step_id: str = "s"
    node_id: str = ""
    action: str = "log"
    state: str = "completed"
    attempt: int = 1
    error: Any = None
    duration_ms: float | None = 1.0


def visit(path: str, next_node: str = "", outcome: str = "done", began: float = 0, ended: float = 1) -> FakeVisit:
    return FakeVisit(path, at(began), at(ended), next_node=next_node, outcome=outcome)


def test_visits_are_paired_by_their_place_and_stand_where_they_happened():
    run = [visit("a", "b"), visit("b", "", "fail")]
    other = [visit("a", "b"), visit("b", "x"), visit("x", "end"), visit("end")]
    found = paths(run, other)
    assert [(pair.either.path, pair.same) for pair in found[:2]] == [("a", True), ("b", False)]
    assert [(pair.either.path, pair.run) for pair in found[2:]] == [("x", None), ("end", None)]
    assert first_difference(found) == "b"
    assert first_difference(paths(run, run)) == ""


def test_what_only_one_has_stands_behind_the_last_place_they_share():
    found = paths([visit("a", "c"), visit("c")], [visit("zero"), visit("a", "b"), visit("b"), visit("c")])
    assert [pair.either.path for pair in found] == ["zero", "a", "b", "c"]


def test_times_do_not_make_a_difference_but_tries_and_errors_do():
    same, tried, failed = Step("a"), Step("a", attempt=2), Step("a", error={"class": "timeout"}, state="failed")
    assert steps([same], [Step("a", duration_ms=900)])[0].same
    assert not steps([same], [tried])[0].same
    assert not steps([same], [failed])[0].same
    assert [pair.same for pair in steps([same], [])] == [False]


def test_values_say_what_is_missing_and_null_is_a_value():
    found = {one.name: one for one in values({"a": 1, "b": None}, {"a": 1, "c": 2})}
    assert found["a"].same
    assert (found["b"].run, found["b"].other, found["b"].same) == (None, ABSENT, False)
    assert (found["c"].run, found["c"].other) == (ABSENT, 2)


def test_time_is_counted_by_node_over_all_its_visits():
    run = [visit("loop[0]/x", began=0, ended=2), visit("loop[1]/x", began=2, ended=5)]
    other = [FakeVisit("loop[0]/x", at(0), None), visit("y", began=1, ended=2)]
    x, y = node_times(run, other, at(5), at(9))
    assert (x.node_id, x.run.visits, x.run.seconds, x.other.seconds, x.more) == ("x", 2, 5, 9, -4)
    assert (y.run.visits, y.other.seconds) == (0, 1)


def test_an_owner_differs_only_because_of_what_is_inside():
    run = [visit("loop", "", "fail"), visit("loop[0]/x"), visit("loop[1]/x", "", "fail")]
    other = [visit("loop", "end"), visit("loop[0]/x"), visit("loop[1]/x"), visit("end")]
    assert first_difference(paths(run, other)) == "loop[1]/x"
