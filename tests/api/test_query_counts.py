"""Lists cost the same number of queries whatever their length, and few."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestration import services as runs
from procedures import services as procedures
from tests import people
from tests.documents import hello
from tests.questions import question
from tests.routes import routes

MOST = 12
NO_LISTS = {
    "health",
    "healthz",
    "readyz",
    "schema",
    "auth/me",
    "approvals/stream",
    "ckp/problems",
    "actions",
    "ckp/functions",
    "ckp/schema",
    "queue",
    "runs/queue",
    "runs/cleanup/history",
}
"""Addresses without a name in them that answer no list of rows."""
LISTS = [
    "procedures",
    "procedures/hello/versions",
    "runs",
    "approvals",
    "runs?status=created",
    "procedures?search=hello",
]


@pytest.fixture
def fill(house):
    """`fill(n)` adds n versions, runs and approvals."""
    operator = people.actor(house.operator)
    made: list[None] = []

    def add(count):
        for _ in range(count):
            made.append(None)
            document = json.dumps(hello(version=f"1.{len(made)}.0", status="active"))
            procedures.import_document(operator, document, house.project)
            runs.start_run(operator, runs.StartRequest(procedure_id="hello"))
            question(house.tenant, house.project, house.operator)

    return add


@pytest.mark.parametrize("address", LISTS)
@pytest.mark.parametrize("who", ["viewer", "clerk", "approver"])
def test_lists_cost_the_same_whatever_their_length(house, api, fill, address, who):
    client = api(getattr(house, who))
    counts, lengths = [], []
    for more in (3, 9):
        fill(more)
        with CaptureQueriesContext(
            connection,
        ) as counted:
            answer = client.get(f"/api/{address}")
        counts.append(len(counted))
        lengths.append(len(answer.json()))
    if answer.status_code == 403:
        return
    assert counts[0] == counts[1] <= MOST, "\n".join(query["sql"][:160] for query in counted.captured_queries)
    assert lengths[1] > lengths[0]


def test_every_list_is_measured():
    found = {route.path.removeprefix("api/") for route in routes() if route.kind == "api" and "GET" in route.access}
    plain = {path for path in found if "{" not in path}
    assert plain <= {address.split("?")[0] for address in LISTS} | NO_LISTS
