"""A worker dies before and after each commit of a parent and its children: the same end, no child lost or doubled."""

from typing import Any

import pytest

from orchestration.models import Event, Run, Wait
from tenants.models import Tenant
from tests import runs
from tests.chaos.failpoints import Commits
from tests.children import asks, calls, divides, ends, made, sets, started
from tests.people import House

pytestmark = pytest.mark.django_db(transaction=True)


PARENT = {
    "fork": {
        "type": "parallel",
        "branches": [{"branch_id": "deep", "start_node": "deep"}, {"branch_id": "bad", "start_node": "bad"}],
        "next_node": "end",
    },
    "deep": calls("middle", output_mapping={"deep": "x"}, next_node="end"),
    "bad": calls(
        "bad",
        on_failure="retry",
        retry={"max_retries": 1, "base_delay_ms": 1},
        on_error="mend",
        next_node="end",
    ),
    "mend": sets("mended", True, "end"),
    "end": ends(deep="deep", mended="mended"),
}


def publish(house: House) -> None:
    """A parent that calls two children in branches, one of them with a child of its own, and one that fails twice."""
    by = {"by": {"type": "integer", "default": 0}}
    made(house.operator, "leaf", {"add": sets("x", 1, "ask"), "ask": asks("end"), "end": ends(x="x")})
    made(house.operator, "bad", {"d": divides("end"), "end": ends()}, variables_schema=by)
    made(
        house.operator,
        "middle",
        {"call": calls("leaf", output_mapping={"x": "x"}, next_node="end"), "end": ends(x="x")},
    )
    made(house.operator, "parent", PARENT)


def end_of(run: Run) -> dict[str, Any]:
    """What the family came to."""
    family = Run.system.filter(root_run=run).order_by("created_at")
    return {
        "outputs": Run.system.get(pk=run.pk).output_vars,
        "children": sorted(family.values_list("procedure_key", "status", "parent_path", "depth")),
        "open waits": Wait.objects.filter(state="open").count(),
        "ends": sorted(
            Event.objects.filter(run__in=[run, *family], event_type__in=("run_completed", "run_failed")).values_list(
                "run__procedure_key", flat=True
            )
        ),
    }


def disturbed(house: House, commits: Commits, fatal: int) -> tuple[Run, bool]:
    """Drive a family to its end while its worker dies at one point; and whether it did."""
    commits.count = 0
    run, died = started(house.operator), False
    for _ in range(30):
        died = commits.drive(0 if died else fatal) or died
        run.refresh_from_db()
        if run.status in ("completed", "failed"):
            return run, died
        for wait in Wait.objects.filter(state="open", kind="approval"):
            runs.answer(wait.run, wait.path, {"decision": "approved"})
    raise AssertionError(f"the run came to no end: {run.status}")


@pytest.mark.parametrize(("at_once", "every"), [(9, 1), (1, 4)])
def test_the_end_is_the_same_wherever_the_worker_dies(
    house: House, monkeypatch: pytest.MonkeyPatch, at_once: int, every: int
):
    """With one run at work at once every child is queued; with more they are driven inline. At `every` n-th point."""
    Tenant.objects.update(max_running_runs=at_once)
    publish(house)
    commits = Commits(monkeypatch)
    undisturbed, _ = disturbed(house, commits, 0)
    expected = end_of(undisturbed)
    assert expected["outputs"] == {"deep": 1, "mended": True}
    assert [row[0] for row in expected["children"]] == ["bad", "bad", "leaf", "middle"]
    fatal, died = 1 - every, True
    while died:
        fatal += every
        run, died = disturbed(house, commits, fatal)
        assert end_of(run) == expected, f"the worker died at point {fatal}"
    assert fatal > 50
