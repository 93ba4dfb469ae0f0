"""Many people decide at once, through every door: one decision, one resume, and the others are told."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections

from approvals import notices, services
from approvals.models import Approval, Vote
from approvals.rules.answers import Answer
from langorch.lib import clock
from langorch.lib.errors import Refusal
from orchestration import transitions
from orchestration.choices import RunStatus
from orchestration.models import Run
from tenants.choices import Role
from tenants.models import AuditEntry, User
from tests import people
from tests.questions import answer_of, event_types, link_in, question, wait_of

pytestmark = pytest.mark.django_db(transaction=True)

APPROVE = Answer("approved")


def at_once(deeds: list[Callable[[], Any]]) -> list[Any]:
    """What each deed gives back, or the code of its refusal, when all begin at the same moment."""
    start = threading.Barrier(len(deeds))
    results: list[Any] = [None] * len(deeds)

    def run(place: int, deed: Callable[[], Any]) -> None:
        try:
            start.wait(timeout=30)
            results[place] = deed()
        except Refusal as refusal:
            results[place] = refusal.code
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place, deed)) for place, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)
    return results


def approvers(house, number: int) -> list[User]:
    return [people.make_person(f"approver{n}", (Role.APPROVER, house.tenant)) for n in range(number)]


def assert_decided_once(asked: Approval, votes: int = 1) -> None:
    """One decision, one answer, one resume, each told once."""
    run = Run.system.select_related("job").get(pk=asked.run_id)
    assert (run.status, run.job.wake_seq) == (RunStatus.CREATED, 1)
    names = Counter(event_types(asked))
    assert (names["approval_decision_received"], names["run_resumed"]) == (1, 1)
    assert run.last_seq == sum(names.values())
    assert Vote.system.filter(approval=asked).count() == votes
    assert AuditEntry.system.filter(action="approval.decide", resource_id=str(asked.pk)).count() == 1
    done = Approval.system.get(pk=asked.pk)
    assert answer_of(asked)["decision"] == done.status


@pytest.mark.parametrize("number", [2, 100])
def test_through_the_service(house, number):
    asked = question(house.tenant, house.project)
    actors = [people.actor(user) for user in approvers(house, number)]
    answers = [APPROVE, Answer("rejected", "no")]

    def decide(place: int) -> Callable[[], Any]:
        return lambda: services.decide(actors[place], asked.pk, answers[place % 2]).status

    results = Counter(at_once([decide(place) for place in range(number)]))
    assert results.pop("already_decided") == number - 1
    assert sum(results.values()) == 1
    assert_decided_once(asked)


@pytest.mark.parametrize("number", [2, 100])
def test_through_the_api(house, number):
    asked = question(house.tenant, house.project)
    clients = [people.api_client(user) for user in approvers(house, number)]

    def decide(client: Any) -> Callable[[], Any]:
        def deed() -> tuple[int, str]:
            answer = client.post(f"/api/approvals/{asked.pk}/decision", {"decision": "approve"})
            return answer.status_code, answer.json().get("code", "decided")

        return deed

    results = Counter(at_once([decide(client) for client in clients]))
    assert results == {(200, "decided"): 1, (409, "already_decided"): number - 1}
    assert_decided_once(asked)


def test_through_every_door(house):
    asked = question(house.tenant, house.project)
    users = approvers(house, 100)
    house.project.settings = {"approval_link_mode": "link"}
    house.project.save()
    notices.write(asked, User.objects.filter(pk__in=[user.pk for user in users]))
    while notices.send_due():
        pass
    links = {message.to[0]: link_in(message) for message in mail.outbox}

    def page(user: User) -> Callable[[], Any]:
        client = people.browser(user)
        return lambda: client.post(f"/approvals/{asked.pk}", {"decision": "approve"}).status_code

    def link(user: User) -> Callable[[], Any]:
        client = people.browser()
        return lambda: client.post(links[user.email], {"decision": "approve"}).status_code

    def api(user: User) -> Callable[[], Any]:
        client = people.api_client(user)
        return lambda: client.post(f"/api/approvals/{asked.pk}/decision", {"decision": "approve"}).status_code

    doors = [page, link, api]
    results = Counter(at_once([doors[place % 3](user) for place, user in enumerate(users)]))
    assert results.pop(409) == 99
    assert sum(results.values()) == 1
    assert set(results) <= {200, 302}
    assert_decided_once(asked)


def test_one_link_pressed_twice_at_once(house):
    asked = question(house.tenant, house.project, min_approvers=2)
    house.project.settings = {"approval_link_mode": "link"}
    house.project.save()
    notices.send_due()
    message = next(message for message in mail.outbox if message.to == [house.judge.email])
    address = link_in(message)

    def press() -> int:
        return people.browser().post(address, {"decision": "approve"}).status_code

    assert Counter(at_once([press] * 4)) == {302: 1, 409: 3}
    assert Vote.system.filter(approval=asked).count() == 1
    assert Approval.system.get(pk=asked.pk).status == "pending"


def test_a_quorum_counts_each_vote_once(house):
    asked = question(house.tenant, house.project, min_approvers=3)
    actors = [people.actor(user) for user in approvers(house, 12)]

    def decide(actor: Any) -> Callable[[], Any]:
        return lambda: services.decide(actor, asked.pk, APPROVE).status

    results = Counter(at_once([decide(actor) for actor in actors]))
    assert results == {"pending": 2, "approved": 1, "already_decided": 9}
    assert_decided_once(asked, votes=3)


def test_a_decision_and_a_cancel_at_once(house):
    judge = people.actor(house.judge)
    for _ in range(5):
        asked = question(house.tenant, house.project)

        def decide(asked: Approval = asked) -> str:
            return services.decide(judge, asked.pk, APPROVE).status

        def cancel(asked: Approval = asked) -> str:
            return str(transitions.request_cancel(asked.run_id, "operator"))

        decided, canceled = at_once([decide, cancel])
        assert canceled == RunStatus.CANCELED
        done = Approval.system.get(pk=asked.pk)
        assert (decided, done.status) in {("approved", "approved"), ("not_waiting", "cancelled")}
        assert wait_of(asked).state == ("answered" if decided == "approved" else "canceled")
        assert Run.system.get(pk=asked.run_id).status == RunStatus.CANCELED


def test_a_decision_and_the_due_time_at_once(house):
    judge = people.actor(house.judge)
    for _ in range(5):
        asked = question(house.tenant, house.project, expires_at=clock.now() - timedelta(seconds=1))

        def decide(asked: Approval = asked) -> str:
            return services.decide(judge, asked.pk, APPROVE).status

        decided, *_ = at_once([decide, services.expire_due, services.expire_due])
        done = Approval.system.get(pk=asked.pk)
        assert (decided, done.status) in {("approved", "approved"), ("already_decided", "timeout")}
        run = Run.system.select_related("job").get(pk=asked.run_id)
        assert (run.status, run.job.wake_seq) == (RunStatus.CREATED, 1)
