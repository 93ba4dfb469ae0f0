"""When a run is likely to end."""

from datetime import UTC, datetime, timedelta

from orchestration.forecast import Pause, forecast

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
USUAL = timedelta(minutes=60)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_a_run_at_work_ends_when_its_usual_time_is_over():
    told = forecast(START, at(15), USUAL)
    assert (told.worked, told.left, told.end, told.if_decided) == (900, 2700, at(60), False)
    assert told.percent == 25


def test_a_run_that_waits_for_a_person_goes_on_when_the_decision_is_due():
    told = forecast(START, at(150), USUAL, Pause(at(30), at(220), person=True))
    assert (told.left, told.end, told.if_decided) == (1800, at(250), True)


def test_a_wait_without_an_end_leaves_the_end_open():
    told = forecast(START, at(150), USUAL, Pause(at(30), None, person=True))
    assert (told.left, told.end, told.if_decided) == (1800, None, False)


def test_an_overdue_wait_can_only_end_from_now_on():
    assert forecast(START, at(150), USUAL, Pause(at(30), at(40))).end == at(180)


def test_a_run_that_takes_longer_than_usual_has_no_end_that_can_be_told():
    told = forecast(START, at(75), USUAL)
    assert (told.end, told.late, told.percent) == (None, 900, 100)
