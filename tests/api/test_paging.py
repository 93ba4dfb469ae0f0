"""Lists are cut by limit and offset, or walked by a cursor that neither skips nor repeats (api 1)."""

import json

import pytest

from procedures import services
from tests import people
from tests.documents import hello

URL = "/api/procedures"


@pytest.fixture
def store(house):
    actor = people.actor(house.operator)

    def put(*versions):
        for version in versions:
            services.import_document(actor, json.dumps(hello(version=version)))

    return put


@pytest.fixture
def viewer(house, api):
    return api(house.viewer)


def names(answer):
    assert answer.status_code == 200, answer.json()
    return [row["version"] for row in answer.json()]


def following(answer):
    """The address in the Link header."""
    address, _, relation = answer.headers["Link"].partition(">; ")
    assert relation == 'rel="next"'
    return address.removeprefix("<")


def test_a_walk_by_cursor_sees_every_row_once(viewer, store):
    store("1", "2", "3", "4", "5")
    answer = viewer.get(f"{URL}?limit=2&latest_only=false")
    seen = names(answer)
    while "Link" in answer.headers:
        store(f"{len(seen)}.new")
        assert "latest_only=false" in following(answer)
        assert answer.headers["X-Next-Cursor"] in following(answer)
        answer = viewer.get(following(answer))
        seen += names(answer)
    assert seen == ["5", "4", "3", "2", "1"]
    assert "X-Next-Cursor" not in answer.headers


def test_a_walk_may_go_upwards(viewer, store):
    store("1", "2", "3")
    answer = viewer.get(f"{URL}?limit=2&order=asc")
    assert names(answer) + names(viewer.get(following(answer))) == ["1", "2", "3"]


def test_limit_and_offset(viewer, store):
    store("1", "2", "3")
    answer = viewer.get(f"{URL}?limit=1&offset=1")
    assert (names(answer), answer.headers["X-Total-Count"]) == (["2"], "3")
    assert names(viewer.get(f"{URL}?offset=3")) == []


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "offset=-1", "offset=10001", "order=up"])
def test_out_of_range_is_refused_by_name(viewer, query):
    answer = viewer.get(f"{URL}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.split("=")[0])


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "W10", "WyJ4Il0", "WzFd" * 50, "%00", "WyIxIiwgIjIiXQ"])
def test_a_cursor_that_is_none_is_refused(viewer, store, cursor):
    store("1")
    answer = viewer.get(f"{URL}?cursor={cursor}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


def test_the_count_stops_at_ten_thousand(viewer, store, monkeypatch):
    monkeypatch.setattr("tenants.api.paging.COUNTED", 2)
    store("1", "2", "3")
    assert viewer.get(URL).headers["X-Total-Count"] == "2+"
