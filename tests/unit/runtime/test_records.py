"""What can be stored, and moments and waits as documents give them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langorch.lib.clock import FixedClock
from orchestration.runtime import moments
from orchestration.runtime.outcomes import Error, StepFailed, error_from_json
from orchestration.runtime.records import NotStorable, moment, to_json


@pytest.mark.parametrize(
    "value", [None, True, 0, -1, 1.5, "", "é☃😀", [1, [2]], {"a": {"b": None}}, "back\\u0000slash"]
)
def test_json_comes_back_as_it_was(value: Any):
    assert json.loads(to_json(value)) == value


@pytest.mark.parametrize("value", ["a\0b", {"k\0": 1}, "\ud800", ["x", "\udfff!"], float("nan"), float("inf"), {1, 2}])
def test_what_no_database_holds_is_refused(value: Any):
    with pytest.raises(NotStorable):
        to_json(value)


@given(st.text(max_size=20))
def test_texts_are_refused_only_for_what_they_hold(text: str):
    unstorable = "\0" in text or any("\ud800" <= char <= "\udfff" for char in text)
    if unstorable:
        with pytest.raises(NotStorable):
            to_json(text)
    else:
        assert json.loads(to_json(text)) == text


def test_moments_are_written_in_utc_without_a_zone():
    assert moment(datetime(2026, 3, 2, 12, 0, 1, 5, tzinfo=UTC)) == "2026-03-02 12:00:01.000005"
    local = datetime.fromisoformat("2026-03-02T13:00:00+01:00")
    assert moment(local) == "2026-03-02 12:00:00.000000"


def test_errors_come_back_as_they_were():
    error = Error("timeout", "m", http_status=503, node_id="n", attempt=2, details={"a": 1}, metadata={"m": 1})
    assert error_from_json(json.loads(to_json(error.as_json()))) == error


NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("action", "fields", "seconds"),
    [
        ("wait", {"duration_ms": 1500}, 1.5),
        ("wait", {"duration_ms": "250"}, 0.25),
        ("wait", {"duration": "15m"}, 900),
        ("wait", {"duration": "PT4H"}, 14_400),
        ("wait", {"duration": "1bd"}, 3 * 86_400),
        ("wait_until", {"until": "13:00"}, 3600),
        ("wait_until", {"until": "11:00"}, 0),
        ("wait_until", {"until": "14:00", "timezone": "Europe/Berlin"}, 3600),
        ("wait_until", {"until": "2026-03-07"}, 43_200),
        ("wait_until", {"until": "2026-03-06T12:00:10Z"}, 10),
    ],
)
def test_waits(standing_noon: FixedClock, action: str, fields: dict[str, Any], seconds: float):
    assert moments.wait_length(action, fields, NOON, "UTC") == seconds * 1000


def test_business_days_are_those_of_the_zone():
    friday_in_new_york = datetime(2026, 3, 7, 4, 30, tzinfo=UTC)
    assert moments.after(friday_in_new_york, "1bd", "America/New_York") == datetime(2026, 3, 10, 3, 30, tzinfo=UTC)
    assert moments.after(friday_in_new_york, "2h", "America/New_York") == datetime(2026, 3, 7, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("wait", {"duration_ms": -1}),
        ("wait", {"duration_ms": 1.5}),
        ("wait", {"duration_ms": 1e15}),
        ("wait", {"duration_ms": "soon"}),
        ("wait", {"duration": "3 weeks"}),
        ("wait", {}),
        ("wait_until", {"until": "tomorrow"}),
        ("wait_until", {}),
        ("wait_until", {"until": "2027-03-09"}),
    ],
)
def test_waits_that_cannot_be_read(standing_noon: FixedClock, action: str, fields: dict[str, Any]):
    with pytest.raises(StepFailed) as failure:
        moments.wait_length(action, fields, NOON, "UTC")
    assert failure.value.error.error_class == "invalid_value"
