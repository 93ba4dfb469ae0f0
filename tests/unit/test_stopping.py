"""Asking a process to stop: once, by anybody; and a part that ends by itself asks for everybody."""

import threading

import pytest

from langorch.processes.stopping import FAILED, Stop

LONGER_THAN_ANY_TEST = 3600


@pytest.fixture
def stop() -> Stop:
    return Stop(LONGER_THAN_ANY_TEST)


def test_the_first_to_ask_is_heard(stop: Stop) -> None:
    told: list[str] = []
    stop.on_request(lambda: told.append("server"))
    stop.request()
    stop.request(FAILED)
    assert stop.requested.is_set()
    assert told == ["server"]
    assert stop.status == 0


def test_a_part_that_ends_stops_the_process(stop: Stop) -> None:
    stop.start("short", lambda: None).join()
    assert stop.requested.is_set()
    assert stop.status == FAILED


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_part_that_breaks_stops_the_process(stop: Stop) -> None:
    def broken() -> None:
        raise LookupError("gone")

    stop.start("broken", broken).join()
    assert stop.status == FAILED


def test_a_part_that_ends_after_the_stop_changes_nothing(stop: Stop) -> None:
    go_on = threading.Event()
    part = stop.start("long", go_on.wait)
    stop.request()
    go_on.set()
    part.join()
    assert stop.status == 0
