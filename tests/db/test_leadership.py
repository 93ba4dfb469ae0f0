"""One beat leads: the row says who, the others stand by and take over when its life is over."""

from collections.abc import Iterator

import pytest
from celery.beat import ScheduleEntry
from celery.signals import before_task_publish

from langorch import leadership
from langorch.celery import app
from langorch.lib.clock import FixedClock
from langorch.models import Leadership
from langorch.processes.beat import LEADERSHIP, LeaderScheduler
from langorch.schedule import SCHEDULE

pytestmark = pytest.mark.django_db


def test_the_first_leads_and_the_second_stands_by(standing_clock: FixedClock) -> None:
    assert leadership.leads("beat", "one")
    assert not leadership.leads("beat", "two")
    assert leadership.leads("other", "two")


def test_a_leader_renews_and_stays(standing_clock: FixedClock) -> None:
    for _ in range(20):
        assert leadership.leads("beat", "one")
        standing_clock.advance(seconds=10)
    assert not leadership.leads("beat", "two")


def test_renewing_writes_at_most_every_fifteen_seconds(standing_clock: FixedClock) -> None:
    leadership.leads("beat", "one")
    written = Leadership.objects.get().until
    standing_clock.advance(seconds=14)
    leadership.leads("beat", "one")
    assert Leadership.objects.get().until == written
    standing_clock.advance(seconds=2)
    leadership.leads("beat", "one")
    assert Leadership.objects.get().until > written


def test_another_takes_over_when_the_life_is_over(standing_clock: FixedClock) -> None:
    leadership.leads("beat", "one")
    standing_clock.advance(seconds=59)
    assert not leadership.leads("beat", "two")
    standing_clock.advance(seconds=1)
    assert leadership.leads("beat", "two")
    assert not leadership.leads("beat", "one")


def test_a_leader_that_steps_down_is_followed_at_once(standing_clock: FixedClock) -> None:
    leadership.leads("beat", "one")
    leadership.step_down("beat", "two")
    assert not leadership.leads("beat", "two")
    leadership.step_down("beat", "one")
    assert leadership.leads("beat", "two")


@pytest.fixture
def rung() -> Iterator[list[str]]:
    """The names of the tasks that were sent."""
    names: list[str] = []

    def note(sender: str, **_: object) -> None:
        names.append(sender)

    before_task_publish.connect(note, weak=False)
    yield names
    before_task_publish.disconnect(note)


def entry(name: str) -> ScheduleEntry:
    return ScheduleEntry(name=name, app=app, **SCHEDULE[name])


def test_only_the_leader_rings(rung: list[str]) -> None:
    schedulers = {holder: LeaderScheduler(app, holder=holder, lazy=True) for holder in ("one", "two")}
    for scheduler in schedulers.values():
        scheduler.apply_entry(entry("sweep_leases"))
    assert rung == ["orchestration.sweep"]
    assert Leadership.objects.get(name=LEADERSHIP).holder == "one"


def test_every_job_of_the_schedule_is_somebodys() -> None:
    app.loader.import_default_modules()
    assert {job["task"] for job in SCHEDULE.values()} - set(app.tasks) == set()
