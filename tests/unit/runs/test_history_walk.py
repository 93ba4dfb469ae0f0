"""The variables of a run at each of its visits, told in one walk."""

from dataclasses import dataclass, field
from typing import Any

from orchestration import history
from procedures.ckp.compile import compile_document
from procedures.ckp.document import Document
from tests.unit.runs.test_timeline import FakeVisit, at


@dataclass
class Recorded(FakeVisit):
    changes: dict[str, Any] = field(default_factory=dict)


def visit(path: str, pos: int, began: float, ended: float | None, data: Any = None, **changes: Any) -> Recorded:
    return Recorded(path, at(began), at(ended) if ended is not None else None, pos=pos, data=data, changes=changes)


def compiled() -> Document:
    step = {"step_id": "s", "action": "set_variable", "variable": "x", "value": 1}
    nodes = {
        "a": {"type": "sequence", "steps": [step], "next_node": "loop"},
        "loop": {
            "type": "loop",
            "iterator": "list",
            "iterator_variable": "item",
            "body_node": "x",
            "next_node": "fork",
        },
        "x": {"type": "sequence", "steps": [step], "next_node": "y"},
        "y": {"type": "sequence", "steps": [step], "next_node": "loop"},
        "fork": {
            "type": "parallel",
            "branches": [{"branch_id": "left", "start_node": "p"}, {"branch_id": "right", "start_node": "q"}],
            "next_node": "end",
        },
        "p": {"type": "sequence", "steps": [step], "next_node": "end"},
        "q": {"type": "sequence", "steps": [step], "next_node": "end"},
        "end": {"type": "terminate"},
    }
    graph = {"start_node": "a", "nodes": nodes}
    schema = {"list": {"type": "array"}}
    source = {"procedure_id": "p", "version": "1.0.0", "variables_schema": schema, "workflow_graph": graph}
    found = compile_document(source).document
    assert found is not None
    return found


VISITS = [
    visit("a", 1, 0, 1, x=1),
    visit("loop", 2, 1, 20, {"items": ["one", "two"]}, sum=7, x=3),
    visit("loop[0]/x", 1, 2, 3, sum=3, x=2),
    visit("loop[0]/y", 2, 3, 4, half=1),
    visit("loop[1]/x", 1, 4, 5, sum=7),
    visit("loop[1]/y", 2, 5, 20, half=2, x=3),
    visit("fork", 3, 20, None),
    visit("fork:left/p", 1, 21, 24, x=10),
    visit("fork:right/q", 1, 21, None, y=5),
]


def test_each_visit_comes_with_what_held_at_its_entry():
    told, by_region = compiled(), history.by_region_of(VISITS)
    walked = {one.path: dict(variables) for one, variables in history.walk(told, {"x": 0}, VISITS)}
    assert len(walked) == len(VISITS)
    for one in VISITS:
        assert walked[one.path] == history.variables_before(told, {"x": 0}, by_region, one), one.path
    assert walked["loop[1]/y"] == {"x": 2, "sum": 7, "half": 1, "item": "two"}
    assert walked["fork:right/q"] == {"x": 3, "sum": 7}


def test_inner_visits_come_before_the_one_they_belong_to_and_open_ones_last():
    order = [one.path for one, _ in history.walk(compiled(), {}, VISITS)]
    assert order.index("loop[1]/y") < order.index("loop") < order.index("fork:left/p")
    assert set(order[-2:]) == {"fork", "fork:right/q"}
