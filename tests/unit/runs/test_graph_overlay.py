"""How a run is drawn on its procedure: marks of nodes, edges taken."""

from orchestration.graph_overlay import overlay, with_idle
from orchestration.visit_rows import owner_of
from tests.unit.runs.test_timeline import FakeVisit, FakeWait, at


def visit(path: str, next_node: str = "", pos: int = 1, outcome: str = "done", done: bool = True) -> FakeVisit:
    return FakeVisit(path, at(0), at(1) if done else None, pos=pos, outcome=outcome, next_node=next_node)


def test_each_state_has_its_class():
    visits = [visit("a", "b"), visit("b", "", 2, "fail"), visit("c", done=False), visit("d", done=False)]
    marks = overlay(visits, [FakeWait("d", "approval")], "running").marks
    assert {node: mark.css for node, mark in marks.items()} == {
        "a": "n-ok",
        "b": "n-bad",
        "c": "n-live",
        "d": "n-warn",
    }
    assert with_idle(overlay([], [], "created"), ["x"])["x"].css == "n-idle"


def test_the_last_visit_decides_and_the_count_is_told():
    marks = overlay([visit("a", outcome="fail"), visit("a#2")], [], "completed").marks
    assert (marks["a"].css, marks["a"].note) == ("n-ok", "2 times")


def test_a_node_cut_by_the_end_of_the_run_is_grey():
    assert overlay([visit("a", done=False)], [], "canceled").marks["a"].css == "n-idle"


def test_a_timer_is_no_persons_business():
    mark = overlay([visit("a", done=False)], [FakeWait("a", "timer")], "paused").marks["a"]
    assert (mark.css, mark.status) == ("n-live", "waiting")


def test_edges_lead_into_bodies_and_back():
    visits = [
        visit("start", "loop"),
        visit("loop", "end", 2),
        visit("loop[0]/first", "last"),
        visit("loop[0]/last", "", 2),
        visit("loop[1]/first", "loop"),
    ]
    assert overlay(visits, [], "completed").taken == {
        ("start", "loop"),
        ("loop", "end"),
        ("loop", "first"),
        ("first", "last"),
        ("last", "loop"),
        ("first", "loop"),
    }


def test_a_failed_iteration_does_not_come_back():
    visits = [visit("loop", done=False), visit("loop[0]/x", outcome="fail")]
    assert ("x", "loop") not in overlay(visits, [], "running").taken


def test_owners_of_regions():
    assert [owner_of(region) for region in ("loop[3]", "a[0]/fork:left", "fork:left/b#2[1]", "")] == [
        "loop",
        "a[0]/fork",
        "fork:left/b#2",
        "",
    ]


def test_an_error_that_a_route_caught_and_a_failed_end_are_red():
    caught, ended, fine = visit("a", "b", outcome="goto"), visit("b", outcome="end"), visit("c", outcome="end")
    caught.error = {"class": "timeout"}
    ended.data = {"end": {"status": "failed"}}
    fine.data = {"end": {"status": "completed"}}
    marks = overlay([caught, ended, fine], [], "failed").marks
    assert [marks[node].css for node in "abc"] == ["n-bad", "n-bad", "n-ok"]
