"""Random lives of runs: whatever is done to them, in whatever order, the invariants hold (quality R8)."""

from collections import Counter
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from langorch.lib import clock
from langorch.lib.errors import Refusal
from orchestration import queue, services, transitions
from orchestration.choices import ENDED, JOB_STATE_OF
from orchestration.models import Event, Run, RunJob, StepRecord, Wait
from orchestration.runtime import engine
from orchestration.runtime.claims import Claim, claim
from orchestration.runtime.records import Batch, EventRow, Fenced, moment
from orchestration.runtime.store import writer
from tests import people, runs
from tests.people import House

pytestmark = pytest.mark.django_db(transaction=True)

ENDS: Final = {"run_completed": "completed", "run_failed": "failed", "run_canceled": "canceled"}
NUMBERS: Final = {"zero": {"type": "integer", "default": 0}}


def sequence(step: dict[str, Any], next_node: str) -> dict[str, Any]:
    return {"type": "sequence", "steps": [{"step_id": "s", **step}], "next_node": next_node}


ENDING: Final = {"end": {"type": "terminate"}}
SETS: Final = {"sets": sequence({"action": "set_variable", "variable": "x", "value": 1}, "end"), **ENDING}
FAILS: Final = {
    "fails": sequence({"action": "calculate", "expression": "1 / zero", "output_variable": "y"}, "end"),
    **ENDING,
}
ASKS: Final = {
    "ask": {"type": "human_approval", "prompt": "Go on?", "on_approve": "sets", "on_reject": "fails"},
    **SETS,
    **FAILS,
}
SLEEPS: Final = {"sleep": sequence({"action": "wait", "duration_ms": 60_000}, "ask"), **ASKS}
FORKS: Final = {
    "fork": {
        "type": "parallel",
        "branches": [{"branch_id": "a", "start_node": "ask"}, {"branch_id": "b", "start_node": "sleep"}],
        "next_node": "end",
    },
    "ask": {"type": "human_approval", "prompt": "Go on?", "on_approve": "end", "on_reject": "fails"},
    "sleep": sequence({"action": "wait", "duration_ms": 60_000}, "end"),
    **FAILS,
}
KINDS: Final = {
    next(iter(nodes)): runs.document(nodes, variables_schema=NUMBERS) for nodes in (SETS, FAILS, ASKS, SLEEPS, FORKS)
}


class Life(RuleBasedStateMachine):
    """Runs, the workers that hold some of them, and the people who decide."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Claim] = []
        self.late: list[Claim] = []
        self.chosen = 0

    def run(self, place: int) -> Run | None:
        """One of the runs; none while there is none."""
        found = list(Run.system.order_by("created_at", "pk"))
        return found[place % len(found)] if found else None

    @rule(kind=st.sampled_from(sorted(KINDS)))
    def start(self, kind: str) -> None:
        runs.queue(self.house.tenant, KINDS[kind], zero=0)

    @rule()
    def drive(self) -> None:
        """A worker takes the next run and drives it until it ends or waits."""
        engine.drive_one("driver")

    @rule()
    def take(self) -> None:
        """A worker takes a run and gets no further."""
        if (claimed := claim(f"holder-{len(self.held)}")) is not None:
            self.held.append(claimed)

    @precondition(lambda self: self.held)
    @rule(place=st.integers(0, 9))
    def lose(self, place: int) -> None:
        """A worker's lease runs out."""
        claimed = self.held.pop(place % len(self.held))
        RunJob.objects.filter(pk=claimed.run.pk, lease_owner=claimed.lease.owner).update(
            lease_until=clock.now() - timedelta(seconds=1)
        )
        queue.sweep()
        RunJob.objects.filter(state="ready").update(available_at=clock.now())
        self.late.append(claimed)

    @precondition(lambda self: self.late)
    @rule(place=st.integers(0, 9))
    def wake(self, place: int) -> None:
        """A worker that lost its lease writes after all."""
        claimed = self.late[place % len(self.late)]
        row = EventRow(moment(clock.now()), "log", "", "", "", None, "{}")
        engine.connection.ensure_connection()
        with pytest.raises(Fenced):
            writer()(
                engine.connection.connection,
                claimed.run.pk,
                claimed.lease.fence,
                Batch(events=[row]),
                calm=False,
            )

    @rule(place=st.integers(0, 9), decision=st.sampled_from(["approved", "rejected"]))
    def decide(self, place: int, decision: str) -> None:
        asked = list(Approval.system.order_by("created_at", "pk"))
        if asked:
            self.attempt(
                lambda: approvals.decide(
                    people.actor(self.house.approver), asked[place % len(asked)].pk, Answer(decision, "so")
                )
            )

    @rule(place=st.integers(0, 9))
    def cancel(self, place: int) -> None:
        if (run := self.run(place)) is not None:
            self.attempt(lambda: transitions.request_cancel(run.pk, "somebody"))

    @rule(place=st.integers(0, 9))
    def hold(self, place: int) -> None:
        if (run := self.run(place)) is not None:
            self.attempt(lambda: services.pause_run(people.actor(self.house.operator), run, "look"))

    @rule(place=st.integers(0, 9))
    def resume(self, place: int) -> None:
        if (run := self.run(place)) is not None:
            self.attempt(lambda: services.resume_run(people.actor(self.house.operator), run))

    @rule(place=st.integers(0, 9))
    def retry(self, place: int) -> None:
        if (run := self.run(place)) is not None:
            self.attempt(lambda: transitions.reopen_failed(run.pk, "somebody"))

    @rule(place=st.integers(0, 9))
    def fire(self, place: int) -> None:
        """A timer's time comes."""
        timers = list(Wait.objects.filter(state="open", kind="timer").order_by("pk"))
        if timers:
            runs.fire(timers[place % len(timers)])

    def attempt(self, deed: Any) -> None:
        """Do something that may be refused; a refusal changes nothing."""
        before = self.told()
        try:
            deed()
        except Refusal:
            assert self.told() == before

    def told(self) -> int:
        return Event.objects.count()

    @invariant()
    def jobs_go_with_their_runs(self) -> None:
        for status, state in Run.system.values_list("status", "job__state"):
            assert JOB_STATE_OF[status] == state

    @invariant()
    def events_have_every_number_once(self) -> None:
        seen: dict[Any, list[int]] = {}
        for run_id, seq in Event.objects.order_by("run_id", "seq").values_list("run_id", "seq"):
            seen.setdefault(run_id, []).append(seq)
        for run_id, last_seq in Run.system.values_list("pk", "last_seq"):
            assert seen[run_id] == list(range(1, last_seq + 1))

    @invariant()
    def every_end_is_told_once(self) -> None:
        ends = Event.objects.filter(event_type__in=ENDS).order_by("seq").values_list("run_id", "event_type")
        counted, last = Counter(run_id for run_id, _ in ends), dict(ends)
        for run_id, status, retries in Run.system.values_list("pk", "status", "retry_count"):
            assert counted[run_id] == retries + (status in ENDED)
            assert status not in ENDED or ENDS[last[run_id]] == status

    @invariant()
    def ended_runs_wait_for_nothing(self) -> None:
        assert not Wait.objects.filter(run__status__in=ENDED, state="open").exists()
        open_runs = Run.system.exclude(status__in=ENDED).values_list("pk", flat=True)
        assert not Approval.system.filter(status="pending").exclude(run_id__in=list(open_runs)).exists()

    @invariant()
    def parked_runs_wait_for_something(self) -> None:
        parked = Run.system.filter(status__in=("waiting_approval", "paused"))
        waiting = Wait.objects.filter(state="open").values_list("run_id", flat=True)
        assert not parked.exclude(pk__in=list(waiting)).exists()

    @invariant()
    def questions_are_decided_once(self) -> None:
        told = Event.objects.filter(event_type="approval_decision_received")
        counted = Counter(told.values_list("payload__approval_id", flat=True))
        assert not counted or counted.most_common(1)[0][1] == 1

    @invariant()
    def steps_complete_once(self) -> None:
        told = Event.objects.filter(event_type="step_completed", payload__cached=False)
        counted = Counter(told.values_list("run_id", "path", "step_id"))
        assert not counted or counted.most_common(1)[0][1] == 1
        assert StepRecord.objects.filter(state="completed").count() == len(counted)

    def teardown(self) -> None:
        Approval.system.all().delete()
        Run.system.all().delete()


@pytest.mark.usefixtures("transactional_db")
def test_the_invariants_hold_in_every_life(house: House) -> None:
    Life.house = house
    few = settings(max_examples=20, stateful_step_count=25, suppress_health_check=list(HealthCheck), database=None)
    run_state_machine_as_test(Life, settings=few)
