"""The same request from many at once: one does it, the others are told."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from langorch.lib.errors import NotAuthenticated
from procedures.models import ProcedureVersion
from tenants.auth import tickets
from tests import people
from tests.documents import hello

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 8


def at_once(deed: Callable[[int], Any]) -> list[Any]:
    """What `deed(n)` gives in as many threads."""

    def alone(number: int) -> Any:
        try:
            return deed(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(alone, range(AT_ONCE)))


@pytest.fixture
def house(transactional_db):
    return people.build()


def test_one_key_is_carried_out_once(house, api):
    client = [api(house.operator) for _ in range(AT_ONCE)]

    def send(number):
        answer = client[number].post("/api/procedures", {"ckp_json": hello()}, HTTP_IDEMPOTENCY_KEY="k")
        return answer.status_code, "Idempotent-Replayed" in answer.headers

    answers = Counter(at_once(send))
    assert answers[(201, False)] == 1
    assert set(answers) <= {(201, False), (201, True), (409, False)}
    assert ProcedureVersion.system.count() == 1


def test_one_document_is_stored_once(house, api):
    client = [api(house.operator) for _ in range(AT_ONCE)]
    answers = Counter(at_once(lambda number: client[number].post("/api/procedures", {"ckp_json": hello()}).status_code))
    assert answers == {201: 1, 200: AT_ONCE - 1}


def test_numbers_of_versions_are_given_once(house, api):
    client = [api(house.operator) for _ in range(AT_ONCE)]
    numbers = at_once(
        lambda number: client[number].post("/api/procedures", {"ckp_json": hello(version=f"1.{number}.0")}).json()["id"]
    )
    assert sorted(numbers) == list(range(1, AT_ONCE + 1))


def test_wrong_passwords_at_once_count_too(house, api):
    def guess(number):
        return api().post("/api/auth/login", {"username": "operator", "password": f"no-{number}"}).status_code

    answers = Counter(at_once(guess))
    assert answers[401] <= settings.ENV.LOGIN_MAX_FAILURES
    assert answers[429] == AT_ONCE - answers[401] > 0


def test_a_ticket_is_redeemed_once(house):
    ticket = tickets.issue(people.actor(house.viewer), "/approvals/stream")

    def redeem(number):
        try:
            return tickets.redeem(ticket, "/api/approvals/stream")[1]
        except NotAuthenticated as refused:
            return refused.code

    assert Counter(at_once(redeem)) == {"acme": 1, "token_revoked": AT_ONCE - 1}
