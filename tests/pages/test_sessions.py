"""A visit prolongs a session without writing every time, and no session outlives its longest time."""

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db


def writes(client):
    """The writing statements that one visit costs."""
    with CaptureQueriesContext(connection) as counted:
        assert client.get("/approvals/waiting").status_code == 200
    return [query["sql"] for query in counted if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]


def test_reading_writes_nothing_within_a_minute(standing_clock, browser, house):
    client = browser(house.viewer)
    standing_clock.advance(seconds=59)
    assert writes(client) == []


def test_a_later_visit_prolongs_the_session_once(standing_clock, browser, house):
    client = browser(house.viewer)
    standing_clock.advance(seconds=61)
    assert len(writes(client)) == 1
    assert writes(client) == []


def test_a_busy_session_ends_at_last(standing_clock, browser, house):
    client = browser(house.viewer)
    for _ in range(settings.ENV.SESSION_MAX_HOURS * 2):
        standing_clock.advance(minutes=30)
        assert client.get("/approvals/waiting").status_code == 200
    standing_clock.advance(minutes=1)
    assert client.get("/approvals/waiting").status_code == 302
