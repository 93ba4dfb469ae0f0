"""Functions and tests of dates (CKP 3.3): ISO texts, units, formats, working days."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from procedures.ckp.expressions import EvaluationError, Scope, compile_expression
from tests.unit.ckp.evaluating import NOW, error_of, problem_of, recorded, scope_of, value_of

VALUES = [
    ("today()", "2026-02-09"),
    ("now()", "2026-02-09T23:30:00Z"),
    ("today", "2026-02-09"),
    ("now", "2026-02-09T23:30:00Z"),
    ("parse_date('2026-02-09')", "2026-02-09"),
    ("parse_date('2026-02-09 10:30')", "2026-02-09T10:30:00"),
    ("parse_date('2026-02-09T10:30:00.25+02:00')", "2026-02-09T10:30:00.250+02:00"),
    ("parse_date('2026-02-09T10:30:00.123456Z')", "2026-02-09T10:30:00.123456Z"),
    ("parse_date('09.02.2026', '%d.%m.%Y')", "2026-02-09"),
    ("parse_date('9.2.2026', '%d.%m.%Y')", "2026-02-09"),
    ("parse_date('Mon 9 FEBRUARY 2026', '%a %d %B %Y')", "2026-02-09"),
    ("parse_date('Feb-9-2026 5h', '%b-%d-%Y %Hh')", "2026-02-09T05:00:00"),
    ("parse_date('2026 040', '%Y %j')", "2026-02-09"),
    ("parse_date('2026-02-09 10:30:15 -0530', '%Y-%m-%d %H:%M:%S %z')", "2026-02-09T10:30:15-05:30"),
    ("parse_date('2026-02-09 10:30 Z', '%Y-%m-%d %H:%M %z')", "2026-02-09T10:30:00Z"),
    ("parse_date('100%2026', '100%%%Y')", "2026-01-01"),
    ("format_date('2026-02-09', '%d.%m.%Y %H:%M:%S')", "09.02.2026 00:00:00"),
    ("format_date('2026-02-09T10:05:07Z', '%j %a %A %b %B %V %z %%')", "040 Mon Monday Feb February 07 +0000 %"),
    ("date_add('2026-02-09', 5, 'days')", "2026-02-14"),
    ("date_add('2026-02-09', -2, 'weeks')", "2026-01-26"),
    ("date_add('2026-01-31', 1, 'months')", "2026-02-28"),
    ("date_add('2024-02-29', 1, 'years')", "2025-02-28"),
    ("date_add('2026-01-31', -13, 'months')", "2024-12-31"),
    ("date_add('2026-02-09T10:30:00Z', 90, 'minutes')", "2026-02-09T12:00:00Z"),
    ("date_add('2026-02-09', 25, 'hours')", "2026-02-10T01:00:00"),
    ("date_add('2026-02-09T10:30:00+02:00', 30, 'seconds')", "2026-02-09T10:30:30+02:00"),
    ("date_add('2026-02-06', 1, 'business_days')", "2026-02-09"),
    ("date_diff('2026-02-09', '2026-02-14', 'days')", 5),
    ("date_diff('2026-02-14', '2026-02-09', 'days')", -5),
    ("date_diff('2026-02-09', '2026-02-22', 'weeks')", 1),
    ("date_diff('2026-01-31', '2026-02-28', 'months')", 1),
    ("date_diff('2026-01-31', '2026-02-27', 'months')", 0),
    ("date_diff('2024-02-29', '2026-02-28', 'years')", 2),
    ("date_diff('2024-06-15', '2026-06-14', 'years')", 1),
    ("date_diff('2026-06-14', '2024-06-15', 'years')", -1),
    ("date_diff('2026-02-09T10:00:00Z', '2026-02-09T13:30:00+02:00', 'hours')", 1),
    ("date_diff('2026-02-09T10:00:00Z', '2026-02-09T10:01:30Z', 'seconds')", 90),
    ("date_diff('2026-02-06', '2026-02-10', 'business_days')", 2),
    ("weekday('2026-02-09')", 1),
    ("weekday('2026-02-15')", 7),
    ("is_business_day('2026-02-14')", False),
    ("is_business_day('2026-02-13')", True),
    ("next_business_day('2026-02-13')", "2026-02-16"),
    ("next_business_day('2026-02-13T09:00:00Z')", "2026-02-16T09:00:00Z"),
    ("add_business_days('2026-02-13', 3)", "2026-02-18"),
    ("add_business_days('2026-02-16', -1)", "2026-02-13"),
    ("add_business_days('2026-02-14', 0)", "2026-02-14"),
    ("business_days_between('2026-02-13', '2026-02-16')", 1),
    ("business_days_between('2026-02-16', '2026-02-13')", -1),
    ("business_days_between('2026-02-14', '2026-02-16')", 1),
    ("business_days_between('2026-02-09', '2026-02-09')", 0),
    ("last_business_day_of_month('2026-02-03')", "2026-02-27"),
    ("last_business_day_of_month('9999-12-01')", "9999-12-31"),
    ("'2026-02-13' is business_day", True),
    ("'2026-02-14' is business_day", False),
    ("'2026-02-14' is weekend", True),
    ("'2026-02-13' is not weekend", True),
    ("'2026-02-27' is last_business_day_of_month", True),
    ("'2026-02-26' is last_business_day_of_month", False),
    ("null is weekend", False),
]

ERRORS = [
    ("parse_date('09.02.2026')", "argument"),
    ("parse_date('2026-02-30')", "argument"),
    ("parse_date('2026-02-09T10:30+99:99')", "argument"),
    ("parse_date('2026-02-09T10:30:00+02:75')", "argument"),
    ("parse_date('2026', '%Y-')", "argument"),
    ("parse_date('2026x', '%Y')", "argument"),
    ("parse_date('26', '%Y')", "argument"),
    ("parse_date('09', '%d')", "argument"),
    ("parse_date('2026 07', '%Y %V')", "argument"),
    ("parse_date('2026 Foo', '%Y %b')", "argument"),
    ("parse_date('2026 +0', '%Y %z')", "argument"),
    ("parse_date('2026 +0199', '%Y %z')", "argument"),
    ("parse_date('2026 13', '%Y %m')", "argument"),
    ("parse_date('9999 999', '%Y %j')", "argument"),
    ("parse_date('2026', f)", "argument"),
    ("parse_date('2026', 'a' ~ long)", "argument"),
    ("parse_date(5)", "type"),
    ("parse_date(null)", "type"),
    ("format_date('2026-02-09', f)", "argument"),
    ("date_add('2026-02-09', 1.5, 'days')", "argument"),
    ("date_add('2026-02-09', 10000000000, 'days')", "argument"),
    ("date_add('2026-02-09', 1, f)", "argument"),
    ("date_add('2026-02-09', 9000, 'years')", "range"),
    ("date_add('2026-02-09', 900000000, 'days')", "range"),
    ("date_add('9999-12-31T23:00:00', 5, 'hours')", "range"),
    ("date_add('2026-02-09', 'a', 'days')", "type"),
    ("add_business_days('9999-12-31', 5)", "range"),
    ("add_business_days('2026-02-09', 900000)", "limit"),
    ("business_days_between('0001-01-01', '9999-12-31')", "limit"),
    ("'x' is weekend", "argument"),
    ("5 is business_day", "type"),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_dates(text: str, expected: Any) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(("text", "kind"), ERRORS)
def test_dates_that_fail(text: str, kind: str) -> None:
    assert error_of(text, f="%Q", long="x" * 200) == kind


@pytest.mark.parametrize(
    "text",
    [
        "date_add(d, 1, 'fortnights')",
        "format_date(d, '%y')",
        "format_date(d, 'x%')",
        "date_add(d, 1, 5)",
        "format_date(d, 5)",
    ],
)
def test_literal_arguments_are_checked_when_compiled(text: str) -> None:
    assert problem_of(text).code == "CKP408"


def test_misspelled_unit_gets_the_nearest() -> None:
    assert "days" in str(problem_of("date_add(d, 1, 'day')"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-02-10"),
        ("now", "2026-02-09T23:30:00Z"),
        ("format_date(now, '%d %H:%M %z')", "10 08:30 +0900"),
        ("weekday('2026-02-13T20:00:00Z')", 6),
        ("'2026-02-13T20:00:00Z' is business_day", False),
        ("weekday('2026-02-13T20:00:00')", 5),
        ("last_business_day_of_month('2026-01-31T20:00:00Z')", "2026-02-27"),
        ("date_diff('2026-02-13T20:00:00Z', '2026-02-14', 'hours')", -5),
    ],
)
def test_days_are_those_of_the_time_zone(text: str, expected: Any) -> None:
    assert compile_expression(text).evaluate(scope_of({}, timezone="Asia/Tokyo")) == expected


def test_calendar_units_keep_the_time_of_day_over_a_clock_change() -> None:
    scope = scope_of({}, timezone="Europe/Berlin")
    assert compile_expression("date_add('2026-03-28T11:00:00Z', 1, 'days')").evaluate(scope) == "2026-03-29T10:00:00Z"
    assert compile_expression("date_add('2026-03-28T11:00:00Z', 24, 'hours')").evaluate(scope) == "2026-03-29T11:00:00Z"
    hours = "date_diff('2026-03-28T12:00:00', '2026-03-29T12:00:00', 'hours')"
    assert compile_expression(hours).evaluate(scope) == 23
    assert compile_expression(hours.replace("hours", "days")).evaluate(scope) == 1


class Holidays:
    """Works on no day of February 2026."""

    def is_business_day(self, day: date) -> bool:
        return (day.year, day.month) != (2026, 2)


def test_calendar_of_the_scope_decides() -> None:
    scope = scope_of({}, calendar=Holidays())
    assert compile_expression("next_business_day('2026-01-31')").evaluate(scope) == "2026-03-01"
    assert compile_expression("last_business_day_of_month('2026-02-03')").evaluate(scope) == "2026-02-28"
    assert compile_expression("'2026-02-28' is last_business_day_of_month").evaluate(scope) is True


def test_milliseconds_of_now_are_kept() -> None:
    scope = scope_of({}, now=datetime(2026, 2, 9, 10, 30, 0, 7000, tzinfo=UTC))
    assert compile_expression("now").evaluate(scope) == "2026-02-09T10:30:00.007Z"


def test_without_a_time_now_fails_and_the_names_are_undefined() -> None:
    with pytest.raises(EvaluationError):
        compile_expression("now()").evaluate(Scope({}))
    assert compile_expression("today is defined").evaluate(Scope({})) is False
    assert compile_expression("now is defined").evaluate(Scope({})) is False


def test_unknown_zone_fails() -> None:
    for zone in ("Mars/Olympus", "../x", ""):
        with pytest.raises(EvaluationError):
            compile_expression("today()").evaluate(Scope({}, now=NOW, timezone=zone))


def test_day_at_the_edge_of_time_fails_in_another_zone() -> None:
    with pytest.raises(EvaluationError) as failed:
        compile_expression("weekday('0001-01-01T00:00:00Z')").evaluate(scope_of({}, timezone="America/Lima"))
    assert failed.value.kind == "range"


def test_day_tests_record_null_and_undefined() -> None:
    assert recorded("null is weekend") == [("null_comparison", None, ("null", "text"), 8)]
    assert recorded("missing is weekend") == [("undefined_value", "missing", (), 0)]


def test_what_depends_on_time_or_calendar_is_not_constant() -> None:
    assert not compile_expression("today()").constant
    assert not compile_expression("is_business_day('2026-02-09')").constant
    assert not compile_expression("'2026-02-09' is business_day").constant
    assert compile_expression("parse_date('2026-02-09') == '2026-02-09'").constant
