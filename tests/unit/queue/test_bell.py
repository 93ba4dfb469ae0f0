"""The bell of a process: one ring wakes one thread, none is lost, and a stop wakes all."""

import threading
from collections.abc import Iterator

import pytest

from orchestration.runtime import stop
from orchestration.runtime.bell import Bell


@pytest.fixture
def stopping() -> Iterator[threading.Event]:
    yield stop.requested
    stop.requested.clear()


def asleep(bell: Bell, number: int, woken: threading.Semaphore) -> list[threading.Thread]:
    """So many threads that wait for the bell; each that wakes releases `woken`."""

    def wait() -> None:
        bell.wait(30)
        woken.release()

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def test_each_ring_wakes_one_thread():
    bell, woken = Bell(), threading.Semaphore(0)
    threads = asleep(bell, 3, woken)
    for left in (2, 1, 0):
        bell.ring()
        assert woken.acquire(timeout=5)
        assert not woken.acquire(blocking=False)
        wait_until_left(threads, left)


def test_a_ring_that_nobody_hears_spares_the_next_its_waiting():
    bell, woken = Bell(), threading.Semaphore(0)
    bell.ring()
    asleep(bell, 1, woken)
    assert woken.acquire(timeout=5)


def test_a_stop_wakes_all(stopping: threading.Event):
    bell, woken = Bell(), threading.Semaphore(0)
    threads = asleep(bell, 3, woken)
    stopping.set()
    bell.ring_for_all()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def wait_until_left(threads: list[threading.Thread], number: int) -> None:
    """Return when so many of the threads still wait. Fails when that takes too long."""
    pause = threading.Event()
    for _ in range(500):
        if sum(thread.is_alive() for thread in threads) == number:
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen in time")
