"""The timeline of a run: bars on one axis, iterations and tries below their node, long waits folded."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from orchestration.time_axis import axis, idle_periods
from orchestration.timeline import MOST_ROWS, Records, timeline

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass
class FakeRun:
    status: str = "completed"
    created_at: datetime = START
    ended_at: datetime | None = None


@dataclass
class FakeVisit:
    path: str
    started_at: datetime
    ended_at: datetime | None
    node_id: str = ""
    region: str = ""
    pos: int = 1
    state: str = "done"
    outcome: str = "done"
    next_node: str = ""
    data: Any = None
    error: Any = None

    def __post_init__(self) -> None:
        self.region, _, last = self.path.rpartition("/")
        self.node_id = self.node_id or last.partition("#")[0]
        self.state = "open" if self.ended_at is None else "done"
        self.error = self.error or ({"class": "timeout"} if self.outcome == "fail" else None)


@dataclass
class FakeStep:
    path: str
    step_id: str
    started_at: datetime
    duration_ms: float | None
    state: str = "completed"
    node_id: str = ""


@dataclass
class FakeEvent:
    event_type: str
    created_at: datetime
    path: str = ""
    step_id: str = ""
    attempt: int | None = None
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass
class FakeWait:
    path: str
    kind: str


def started(seconds: float = 0) -> FakeEvent:
    return FakeEvent("execution_started", at(seconds))


def test_a_bar_lies_where_its_time_lies():
    visits = [FakeVisit("a", at(0), at(25)), FakeVisit("b", at(25), at(100))]
    shown = timeline(FakeRun(ended_at=at(100)), Records(visits, [], [started()]), at(500))
    assert [(row.label, row.tone, row.bars[0].x, row.bars[0].width) for row in shown.rows] == [
        ("a", "ok", 0, 25),
        ("b", "ok", 25, 75),
    ]
    assert shown.mark == 100


def test_the_shortest_visit_can_be_seen_and_stays_on_the_axis():
    visits = [FakeVisit("z", at(100), at(100))]
    (row,) = timeline(FakeRun(ended_at=at(100)), Records(visits, [], [started()]), at(100)).rows
    assert row.bars[0].width == 0.7
    assert row.bars[0].x + row.bars[0].width <= 100


def test_a_long_wait_is_folded_and_the_work_keeps_its_room():
    events = [
        started(),
        FakeEvent("run_parked", at(10)),
        FakeEvent("run_resumed", at(7200)),
        FakeEvent("execution_resumed", at(7201)),
    ]
    visits = [FakeVisit("ask", at(5), at(7205)), FakeVisit("post", at(7205), at(7211))]
    shown = timeline(FakeRun(ended_at=at(7211)), Records(visits, [], events), at(7211))
    (fold,) = shown.folds
    assert (fold.width, fold.seconds) == (9, 7191)
    assert shown.rows[1].bars[0].width > 20
    assert all(abs(tick.x - fold.middle) >= 9 for tick in shown.ticks)


def test_work_that_dwarfs_its_waits_is_not_folded():
    events = [started(), FakeEvent("run_parked", at(100)), FakeEvent("execution_resumed", at(170))]
    assert timeline(FakeRun(ended_at=at(2000)), Records([], [], events), at(2000)).folds == ()


def test_no_worker_had_the_run_while_it_was_queued_parked_or_its_lease_was_lost():
    events = [
        FakeEvent("run_created", at(0)),
        started(2),
        FakeEvent("worker_lease_expired", at(10)),
        FakeEvent("execution_resumed", at(12)),
        FakeEvent("run_parked", at(20)),
    ]
    assert idle_periods(events, at(0), at(30)) == [(at(0), at(2)), (at(10), at(12)), (at(20), at(30))]


def test_a_queued_run_has_an_axis_too():
    shown = timeline(FakeRun("created"), Records([], [], [FakeEvent("run_created", at(0))]), at(0))
    assert (shown.rows, shown.ticks[0].at) == ((), START)


def test_ticks_are_round_and_apart():
    ticks = axis(at(3), at(303), []).ticks()
    assert [tick.at for tick in ticks[1:]] == [at(60), at(120), at(180), at(240)]
    assert all(later.x - earlier.x >= 9 for earlier, later in pairwise(ticks))


def test_iterations_stand_below_their_loop_with_one_bar_per_visit():
    visits = [
        FakeVisit("loop", at(0), None),
        FakeVisit("loop[0]/read", at(0), at(4)),
        FakeVisit("loop[0]/post", at(4), at(8)),
        FakeVisit("loop[1]/read", at(8), at(9), outcome="fail"),
    ]
    items = [started(), FakeEvent("loop_iteration", at(8), "loop", payload={"iteration": 1, "item": '{"id": "INV-7"}'})]
    shown = timeline(FakeRun("running"), Records(visits, [], items), at(10))
    assert [(row.label, row.kind, row.depth, row.tone, len(row.bars)) for row in shown.rows] == [
        ("loop", "visit", 0, "live", 1),
        ("1", "iteration", 1, "ok", 2),
        ("2 · INV-7", "iteration", 1, "bad", 1),
    ]


def test_a_loop_in_a_branch_is_two_levels_down():
    visits = [
        FakeVisit("fork", at(0), at(9)),
        FakeVisit("fork:left/inner", at(0), at(9)),
        FakeVisit("fork:left/inner[0]/x", at(0), at(9)),
    ]
    rows = timeline(FakeRun(ended_at=at(9)), Records(visits, [], [started()]), at(9)).rows
    assert [(row.label, row.depth) for row in rows] == [("fork", 0), ("left", 1), ("1", 2)]


def tries(*ends: str) -> list[FakeEvent]:
    events = [started()]
    for number, end in enumerate(ends, 1):
        events.append(FakeEvent("step_started", at(number * 10), "n", "s", number))
        events.append(FakeEvent(end, at(number * 10 + 4), "n", "s", number, {"error_class": "agent_busy"}))
    return events


def test_failed_tries_get_rows_with_the_delay_before_them():
    step = FakeStep("n", "s", at(30), 4000)
    records = Records([FakeVisit("n", at(10), at(34))], [step], tries("step_failed", "step_failed", "step_completed"))
    rows = timeline(FakeRun(ended_at=at(40)), records, at(40)).rows[1:]
    assert [(row.label, row.tone, row.attempt) for row in rows] == [
        ("try 1, agent_busy", "bad", 1),
        ("try 2, agent_busy", "bad", 2),
        ("try 3", "ok", 3),
    ]
    assert [bar.tone for bar in rows[1].bars] == ["try", "bad"]
    assert rows[1].seconds == 4


def test_what_undoes_a_step_is_not_taken_for_a_try_of_it():
    undoing = {"path": "a~undo", "step_id": "back", "attempt": 1}
    events = [
        started(),
        FakeEvent("step_started", at(20), **undoing),
        FakeEvent("step_failed", at(21), **undoing, payload={"error_class": "agent_error", "then": "fail"}),
    ]
    steps = [FakeStep("a~undo", "back", at(20), 1000, state="failed", node_id="a")]
    records = Records([FakeVisit("a", at(0), at(10))], steps, events)
    shown = timeline(FakeRun("failed", ended_at=at(30)), records, at(30), expanded={"a"})
    assert [(row.label, row.tone) for row in shown.rows] == [
        ("a", "ok"),
        ("back, undoing", "bad"),
        ("undoing, try 1, agent_error", "bad"),
    ]


def test_a_step_that_went_well_is_shown_only_when_asked_for():
    records = Records([FakeVisit("n", at(10), at(34))], [FakeStep("n", "s", at(10), 4000)], tries("step_completed"))
    run = FakeRun(ended_at=at(40))
    assert [row.kind for row in timeline(run, records, at(40)).rows] == ["visit"]
    assert [row.kind for row in timeline(run, records, at(40), expanded=("n",)).rows] == ["visit", "step"]


def test_only_errors_leaves_what_failed():
    visits = [FakeVisit("a", at(0), at(1)), FakeVisit("b", at(1), at(2), outcome="fail")]
    shown = timeline(FakeRun("failed", ended_at=at(2)), Records(visits, [], [started()]), at(2), only_errors=True)
    assert [row.label for row in shown.rows] == ["b"]


def test_a_visit_that_waits_for_a_person_is_amber_and_one_cut_by_a_cancel_is_grey():
    visits = [FakeVisit("ask", at(0), None)]
    waiting = Records(visits, [], [started()], [FakeWait("ask", "approval")])
    assert timeline(FakeRun("waiting_approval"), waiting, at(9)).rows[0].tone == "warn"
    canceled = timeline(FakeRun("canceled", ended_at=at(5)), Records(visits, [], [started()]), at(9))
    assert canceled.rows[0].tone == "idle"


def test_long_timelines_are_read_in_pages_from_the_end():
    visits = [FakeVisit(f"n{number}", at(number), at(number + 1)) for number in range(450)]
    run, records = FakeRun(ended_at=at(450)), Records(visits, [], [started()])
    last = timeline(run, records, at(450))
    assert (last.first, last.total, len(last.rows), last.rows[-1].label) == (250, 450, MOST_ROWS, "n449")
    earlier = timeline(run, records, at(450), before=last.first)
    assert (earlier.first, earlier.rows[-1].label) == (50, "n249")
    assert earlier.rows[0].bars[0].x < last.rows[0].bars[0].x


def test_a_result_that_was_only_taken_again_is_no_try():
    events = [*tries("step_failed", "step_completed"), FakeEvent("step_completed", at(500), "n", "s", 2)]
    events[-1].payload = {"cached": True}
    rows = timeline(FakeRun(ended_at=at(600)), Records([FakeVisit("n", at(10), at(24))], [], events), at(600)).rows
    assert [(row.label, row.seconds, row.delay) for row in rows[1:]] == [
        ("try 1, agent_busy", 4, None),
        ("try 2", 4, 6),
    ]


def test_what_is_expected_is_drawn_after_now():
    records = Records([FakeVisit("a", at(0), at(5)), FakeVisit("b", at(5), None)], [], [started()])
    shown = timeline(FakeRun("running"), records, at(10), expected=at(20))
    assert shown.mark == 50
    assert [[bar.tone for bar in row.bars] for row in shown.rows] == [["ok"], ["live", "next"]]
    assert shown.rows[1].seconds == 5


def test_drawn_to_scale_nothing_is_folded():
    events = [started(), FakeEvent("run_parked", at(10)), FakeEvent("execution_resumed", at(7200))]
    run = FakeRun(ended_at=at(7211))
    assert timeline(run, Records([], [], events), at(7211)).folds
    assert timeline(run, Records([], [], events), at(7211), to_scale=True).folds == ()


def test_errors_are_counted_whether_they_are_shown_or_not():
    visits = [FakeVisit("a", at(0), at(1)), FakeVisit("b", at(1), at(2), outcome="fail")]
    assert timeline(FakeRun("failed", ended_at=at(2)), Records(visits, [], [started()]), at(2)).faults == 1
