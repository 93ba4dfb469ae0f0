"""Delays of retries, which errors are retried, and which handler acts (CKP 2.2 and 2.3)."""

from typing import Any

import pytest

from orchestration.runtime.errors import handler_of, is_retried, is_type, normal
from orchestration.runtime.outcomes import Error
from orchestration.runtime.retrying import plan
from procedures.ckp.document import ErrorHandler, GlobalConfig, RetryPolicy


def delays(count: int = 5, **policy: Any) -> list[float]:
    made = plan([RetryPolicy(**policy)], GlobalConfig())
    return [made.delay(retry, "seed") for retry in range(1, count + 1)]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("fixed", [100, 100, 100, 100, 100]),
        ("linear", [100, 200, 300, 400, 500]),
        ("exponential_backoff", [100, 300, 900, 2700, 8100]),
        ("fibonacci", [100, 100, 200, 300, 500]),
    ],
)
def test_strategies(strategy: str, expected: list[float]):
    assert delays(strategy=strategy, base_delay_ms=100, multiplier=3) == expected


def test_delays_end_at_the_cap():
    assert delays(3, strategy="exponential_backoff", base_delay_ms=1000, multiplier=10, max_delay_ms=4000) == [
        1000,
        4000,
        4000,
    ]


@pytest.mark.parametrize(
    ("jitter", "low", "high"), [(True, 90, 110), (0.5, 50, 150), ("equal", 50, 100), ("full", 0, 100)]
)
def test_jitter_stays_in_its_bounds_and_can_be_computed_again(jitter: Any, low: float, high: float):
    made = plan([RetryPolicy(strategy="fixed", base_delay_ms=100, jitter=jitter)], GlobalConfig())
    found = {made.delay(1, f"run|path|step|{attempt}") for attempt in range(200)}
    assert low <= min(found) < max(found) <= high
    assert made.delay(1, "seed") == made.delay(1, "seed")


def test_the_server_is_believed_up_to_an_hour():
    made = plan([RetryPolicy(strategy="fixed", base_delay_ms=100)], GlobalConfig())
    assert made.delay(1, "s", retry_after_ms=5_000) == 5_000
    assert made.delay(1, "s", retry_after_ms=9_999_999) == 3_600_000


def test_each_value_comes_from_the_first_place_that_has_it():
    config = GlobalConfig(max_retries=7, retry_delay_ms=50, retry_policy=RetryPolicy(max_retries=5))
    made = plan([RetryPolicy(max_retries=0), None, RetryPolicy(strategy="linear")], config)
    assert (made.max_retries, made.strategy, made.base, made.multiplier) == (0, "linear", 50, 2)


@pytest.mark.parametrize(
    ("name", "error_class", "matches"),
    [
        ("TimeoutException", "timeout", True),
        ("TimeoutError", "timeout", True),
        ("Timeout", "timeout", True),
        ("TimeoutError", "node_timeout", True),
        ("TimeoutError", "agent_error", False),
        ("ValueError", "expression_error", True),
        ("any_data", "not_a_list", True),
        ("any_agent", "agent_busy", True),
        ("any_timeout", "run_timeout", False),
        ("any_llm", "budget_exceeded", True),
    ],
)
def test_names_of_errors(name: str, error_class: str, matches: bool):
    assert is_type(Error(error_class, "m"), name) is matches


def test_types_that_an_agent_sent():
    error = Error("agent_error", "m", error_type="ElementNotFound,Stale")
    assert is_type(error, "ElementNotFoundException")
    assert is_type(error, "stale_error")
    assert normal("Element-Not_Found.Error") == "elementnotfound"


@pytest.mark.parametrize(
    ("policy", "error_class", "retried"),
    [
        ({}, "timeout", True),
        ({}, "expression_error", False),
        ({"retry_on": ["expression_error"]}, "expression_error", True),
        ({"non_retryable_errors": ["any_timeout"]}, "timeout", False),
    ],
)
def test_which_errors_are_retried(policy: dict[str, Any], error_class: str, retried: bool):
    assert is_retried(Error(error_class, "m"), RetryPolicy(**policy)) is retried


def test_the_first_handler_that_matches_acts():
    handlers = [
        ErrorHandler(error_type="timeout", action="fail"),
        ErrorHandler(trigger={"http_status_codes": ["500-599", 404]}, action="ignore"),
        ErrorHandler(trigger={"error_code": [7, "E1"]}, action="fail"),
        ErrorHandler(error_type="*", action="fail"),
    ]
    found = [
        handler_of(error, handlers)
        for error in (
            Error("timeout", "m"),
            Error("agent_error", "m", http_status=503),
            Error("agent_error", "m", code="7"),
            Error("agent_error", "m", http_status=400),
        )
    ]
    assert [place for place, _ in (one for one in found if one)] == [0, 1, 2, 3]
    assert handler_of(Error("agent_error", "m"), handlers[:1]) is None
