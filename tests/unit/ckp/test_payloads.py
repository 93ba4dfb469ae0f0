"""Nothing gets out of the language, and nothing takes more than its limits (quality S3)."""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from procedures.ckp.expressions import (
    EvaluationError,
    ExpressionProblem,
    compile_condition,
    compile_expression,
    compile_text,
    compile_value,
)
from tests.unit.ckp.evaluating import scope_of
from tests.unit.ckp.payloads import PAYLOADS, variables

MAX_SECONDS = 0.1
MAX_BYTES = 16 * 1024 * 1024
_WATCHED = (
    "exec",
    "compile",
    "import",
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "ctypes.",
    "object.__",
    "sys.",
)
_events: list[str] = []
_watching = False


def _watch(event: str, arguments: Any) -> None:
    if _watching and event.startswith(_WATCHED):
        _events.append(event)


sys.addaudithook(_watch)

FORMS: dict[str, Callable[[str, Any], Any]] = {
    "expression": lambda text, scope: compile_expression(text).evaluate(scope),
    "condition": lambda text, scope: compile_condition(text).test(scope),
    "value": lambda text, scope: compile_value(text).render(scope),
    "text": lambda text, scope: compile_text(text).render(scope),
}
TOUCHED: list[str] = []
DATA = variables(TOUCHED)


def attempt(form: str, payload: str) -> Any:
    """Run a payload; the two errors of the language are its only ways to fail."""
    with suppress(ExpressionProblem, EvaluationError):
        return FORMS[form](payload, scope_of(DATA))
    return None


@contextmanager
def watched() -> Iterator[list[str]]:
    """Audit events of code, imports, files, processes and sockets inside the block."""
    global _watching
    _events.clear()
    _watching = True
    try:
        yield _events
    finally:
        _watching = False


def test_the_corpus_is_large() -> None:
    assert len(PAYLOADS) >= 300


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_executed_and_no_attribute_reached(form: str) -> None:
    attempt(form, "today ~ upper('warm')")
    TOUCHED.clear()
    for payload in PAYLOADS:
        with watched() as events:
            result = attempt(form, payload)
        assert events == [], payload
        assert TOUCHED == [], payload
        assert type(result) in (type(None), bool, int, float, str, list, dict), payload


@pytest.mark.parametrize("form", FORMS)
def test_each_payload_is_quick(form: str) -> None:
    for payload in PAYLOADS:
        best = min(_seconds(form, payload, tries=5))
        assert best <= MAX_SECONDS, f"{best:.3f} s: {payload[:200]}"


def _seconds(form: str, payload: str, tries: int) -> Iterator[float]:
    """CPU time of each try, without collections of the test's own garbage; the first quick one is the last."""
    for _ in range(tries):
        gc.disable()
        start = time.thread_time()
        attempt(form, payload)
        spent = time.thread_time() - start
        gc.enable()
        yield spent
        if spent <= MAX_SECONDS:
            return


def test_the_watch_sees_what_it_should() -> None:
    with watched() as events:
        eval("1 + 1")
    assert "exec" in events
    TOUCHED.clear()
    assert DATA["trap"].__doc__
    assert TOUCHED == ["__doc__"]
    TOUCHED.clear()


@pytest.mark.parametrize("form", ["expression", "value", "text"])
def test_each_payload_takes_little_memory(form: str) -> None:
    tracemalloc.start()
    try:
        for payload in PAYLOADS:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            attempt(form, payload)
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before <= MAX_BYTES, f"{(peak - before) >> 20} MiB: {payload[:200]}"
    finally:
        tracemalloc.stop()
