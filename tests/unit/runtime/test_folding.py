"""From records to state, and where a visit leads."""

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestration.runtime import paths
from orchestration.runtime.outcomes import Done, End, Error, Fail, Goto
from orchestration.runtime.routing import ForeignNode, end_of, left, route
from orchestration.runtime.state import VisitRecord, fold
from procedures.ckp.document import LogicNode, SequenceNode
from procedures.ckp.regions import Region

AT = datetime(2026, 3, 2, tzinfo=UTC)
MAIN = Region("", ("a", "b", "rescue"), ("a",), None)
LOOP = Region("l", ("a", "b"), ("a",), "after")


def visit(pos: int, node_id: str, **parts: Any) -> VisitRecord:
    return VisitRecord(f"{node_id}{pos}", "", pos, node_id, AT, **{"state": "done", "outcome": "done", **parts})


def test_done_visits_are_merged_in_order_of_position():
    folded = fold(
        [
            visit(3, "a", state="open", outcome="", changes={"x": 9}),
            visit(2, "b", changes={"x": 2}, outcome="retry", next_node="a"),
            visit(1, "a", changes={"x": 1, "y": 1}),
        ]
    )
    assert folded.changes == {"x": 2, "y": 1}
    assert (folded.pos, folded.counts["a"], folded.counts["b"], folded.retries["b"]) == (2, 1, 1, 1)
    assert folded.last is not None
    assert folded.last.next_node == "a"
    assert folded.open is not None
    assert folded.open.pos == 3


def test_nothing_recorded():
    folded = fold([])
    assert (folded.changes, folded.pos, folded.last, folded.open) == ({}, 0, None, None)


@pytest.mark.parametrize(
    ("region", "target", "kind"),
    [(MAIN, "", "ended"), (MAIN, "b", None), (LOOP, "", "ended"), (LOOP, "l", "ended"), (LOOP, "after", "left")],
)
def test_how_a_region_ends(region: Region, target: str, kind: str | None):
    end = left(region, target, {"x": 1})
    assert (end.kind if end else None) == kind


def test_a_route_never_leads_into_another_region():
    with pytest.raises(ForeignNode):
        left(LOOP, "elsewhere", {})


def test_a_recorded_failure_is_the_end_of_its_region():
    error = Error("no_route", "m", node_id="a")
    end = end_of(LOOP, visit(1, "a", outcome="fail", error=error.as_json()), {})
    assert end is not None
    assert (end.kind, end.error) == ("failed", error)


def test_a_recorded_end_ends_the_run_from_any_region():
    data = {"items": [1], "end": {"status": "failed", "outputs": {"x": 1}, "message": "m"}}
    end = end_of(LOOP, visit(1, "a", outcome="end", data=data), {})
    assert end is not None
    assert end.end == End("failed", {"x": 1}, "m")


PLAIN = SequenceNode(next_node="b")
CAREFUL = SequenceNode(next_node="b", on_error="rescue")
ERROR = Error("timeout", "m")


@pytest.mark.parametrize(
    ("outcome", "node", "recovery", "expected"),
    [
        (Done(), PLAIN, None, ("done", "b")),
        (Goto("x"), PLAIN, None, ("goto", "x")),
        (Goto(None), PLAIN, None, ("goto", "")),
        (Goto("x", retry=True), PLAIN, None, ("retry", "x")),
        (Fail(ERROR), PLAIN, None, ("fail", "")),
        (Fail(ERROR), CAREFUL, "r", ("goto", "rescue")),
        (Fail(ERROR), PLAIN, "r", ("recover", "r")),
        (Fail(ERROR), LogicNode(on_error="x"), None, ("fail", "")),
        (End("completed"), PLAIN, "r", ("end", "")),
    ],
)
def test_outcomes_decide(outcome: Any, node: Any, recovery: str | None, expected: tuple[str, str]):
    found = route(outcome, node, recovery=recovery)
    assert (found.outcome, found.next_node) == expected


def test_paths():
    assert paths.visit("", "a", 1) == "a"
    assert paths.visit("", "a", 2) == "a#2"
    assert paths.visit(paths.iteration("loop#2", 3), "n:1", 1) == "loop#2[3]/n%3A1"
    assert paths.visit(paths.branch("fork", "x:y"), "n", 1) == "fork:x%3Ay/n"
    assert paths.handler("a", 0, 1) == "a!0"
    assert paths.handler("a", 0, 3) == "a!0#3"
