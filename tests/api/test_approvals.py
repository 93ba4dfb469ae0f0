"""Approvals over REST."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import AsyncClient

from approvals import services
from approvals.models import Approval
from approvals.rules.answers import Answer
from approvals.rules.audience import Named
from langorch.lib import clock, off_loop
from tenants.auth import tokens
from tests import people, questions
from tests.questions import answer_of, question, unknown_id

pytestmark = pytest.mark.django_db

LIST = "/api/approvals"
CHOICE: dict[str, Any] = {
    "decision_type": "select_option",
    "options": [{"value": "north", "label": "North"}, {"value": "south", "label": "South"}],
}


def address(approval):
    return f"{LIST}/{approval.pk}/decision"


def titles(answer):
    return [row["title"] for row in answer.json()]


class TestReading:
    def test_one_approval_has_every_documented_field(self, house, api):
        asked = question(house.tenant, house.project, context_data={"amount": 5}, min_approvers=2)
        data = api(house.approver).get(f"{LIST}/{asked.pk}").json()
        documented = """approval_id run_id node_id path procedure_id procedure_version project_id prompt
            decision_type options context_data editable assignees approval_level quorum votes status decided_by
            on_behalf_of decided_at via decision_payload selected_option comment client_note evidence_hash created_at
            expires_at overdue run_status can_decide""".split()
        assert set(documented) <= set(data)
        assert data["quorum"] == {"need": 2, "have": 0}
        assert (data["run_status"], data["status"], data["decided_by"]) == ("waiting_approval", "pending", None)
        assert data["assignees"] == {"users": [], "groups": [], "roles": ["approver"]}
        assert data["can_decide"] is True

    def test_each_sees_what_is_theirs(self, house, api):
        everyone = question(house.tenant, house.project, title="everyone")
        question(house.tenant, house.project, title="judge", approvers=Named(users=frozenset({"judge"})))
        question(house.tenant, house.other_project, title="warehouse")
        seen = {
            name: sorted(titles(api(getattr(house, name)).get(LIST)))
            for name in ("viewer", "operator", "clerk", "guest", "approver", "judge", "stranger")
        }
        assert seen == {
            "viewer": ["everyone", "judge", "warehouse"],
            "operator": ["everyone", "judge", "warehouse"],
            "clerk": ["everyone", "judge"],
            "guest": ["warehouse"],
            "approver": ["everyone", "warehouse"],
            "judge": ["everyone", "judge"],
            "stranger": [],
        }
        assert api(house.stranger).get(f"{LIST}/{everyone.pk}").status_code == 404
        assert api().get(LIST).status_code == 401

    def test_filters(self, house, api, standing_clock):
        late = question(house.tenant, house.project, title="late", expires_at=clock.now() + timedelta(minutes=1))
        standing_clock.advance(minutes=5)
        question(house.tenant, house.other_project, title="fresh 100%", expires_at=clock.now() + timedelta(hours=1))
        standing_clock.advance(seconds=1)
        done = question(house.tenant, house.project, title="done")
        services.decide(people.actor(house.approver), done.pk, Answer("approved"))
        viewer = api(house.viewer)
        for query, expected in {
            "": ["done", "fresh 100%", "late"],
            "?status=approved": ["done"],
            f"?run_id={late.run_id}": ["late"],
            f"?project_id={house.other_project.pk}": ["fresh 100%"],
            "?procedure_id=pay_invoices&status=pending": ["fresh 100%", "late"],
            "?overdue=true": ["late"],
            "?overdue=false": ["done", "fresh 100%"],
            "?search=FRESH 100%": ["fresh 100%"],
            "?search=%25%25": [],
            "?sort=due": ["late", "fresh 100%", "done"],
            "?order=asc": ["late", "fresh 100%", "done"],
            "?mine=true": [],
            "?delegated=true": [],
            "?what=ever": ["done", "fresh 100%", "late"],
        }.items():
            assert titles(viewer.get(LIST + query)) == expected, query
        assert titles(api(house.judge).get(f"{LIST}?mine=true")) == ["late"]
        assert viewer.get(f"{LIST}?status=open").status_code == 422
        assert viewer.get(f"{LIST}?limit=501").status_code == 422

    def test_pages_by_cursor_repeat_and_skip_nothing(self, house, api):
        for number in range(5):
            question(house.tenant, house.project, title=f"q{number}")
        viewer, seen = api(house.viewer), []
        answer = viewer.get(f"{LIST}?limit=2&sort=due")
        while True:
            seen += titles(answer)
            if "X-Next-Cursor" not in answer.headers:
                break
            answer = viewer.get(f"{LIST}?limit=2&sort=due&cursor={answer.headers['X-Next-Cursor']}")
        assert seen == [f"q{number}" for number in range(5)]

    def test_the_number_of_queries_does_not_grow_with_the_list(self, house, api, django_assert_max_num_queries):
        for number in range(12):
            question(house.tenant, house.project, title=f"q{number}")
        viewer = api(house.judge)
        with django_assert_max_num_queries(12):
            assert len(viewer.get(LIST).json()) == 12


class TestDeciding:
    @pytest.mark.parametrize("key", ["decision", "status", "resolved_decision"])
    @pytest.mark.parametrize(
        ("word", "status"), [("approve", "approved"), ("approved", "approved"), ("Reject", "rejected")]
    )
    def test_all_spellings_decide(self, house, api, key, word, status):
        asked = question(house.tenant, house.project)
        answer = api(house.judge).post(address(asked), {key: word, "comment": "because"})
        assert answer.status_code == 200
        data = answer.json()
        assert (data["status"], data["decided_by"], data["via"], data["comment"]) == (status, "judge", "api", "because")
        assert data["run_status"] == "created"
        assert data["can_decide"] == "This is decided already."

    def test_an_option_stands_for_its_approval(self, house, api):
        asked = question(house.tenant, house.project, **CHOICE)
        data = api(house.judge).post(address(asked), {"decision": "south"}).json()
        assert (data["status"], data["selected_option"]) == ("approved", "south")

    def test_names_from_the_client_are_a_note_at_most(self, house, api):
        asked = question(house.tenant, house.project)
        body = {"decision": "approve", "decided_by": "the queen", "approver_name": "the king"}
        data = api(house.judge).post(address(asked), body).json()
        assert (data["decided_by"], data["client_note"]) == ("judge", "the queen, the king")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "decision"),
            ({"comment": "hm"}, "decision"),
            ({"decision": "perhaps"}, "decision"),
            ({"decision": "reject"}, "comment"),
            ({"decision": "approve", "selected_option": "north"}, "selected_option"),
            ({"decision": "approve", "payload": {"a": 1}}, "payload"),
            ({"decision": "approve", "edits": {"total": 1}}, "total"),
        ],
    )
    def test_what_is_no_decision_is_422_and_changes_nothing(self, house, api, body, field):
        asked = question(house.tenant, house.project)
        answer = api(house.judge).post(address(asked), body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_decision")
        assert answer.json()["errors"][0]["field"] == field
        assert Approval.system.get(pk=asked.pk).status == "pending"

    def test_the_second_gets_409_with_the_decision(self, house, api):
        asked = question(house.tenant, house.project)
        api(house.judge).post(address(asked), {"decision": "approve"})
        answer = api(house.approver).post(address(asked), {"decision": "reject"})
        assert (answer.status_code, answer.json()["code"]) == (409, "already_decided")
        assert answer.json()["decision"]["decided_by"] == "judge"

    def test_refusals_have_their_codes(self, house, api):
        asked = question(house.tenant, house.project, initiator=house.judge, four_eyes=True)
        gone = question(house.tenant, house.project)
        services.cancel_for_run(gone.run_id)
        found = {
            (name, asked_for): (answer.status_code, answer.json()["code"])
            for name, asked_for, target in [
                ("judge", "open", asked),
                ("operator", "open", asked),
                ("stranger", "open", asked),
                ("approver", "ended", gone),
            ]
            if (answer := api(getattr(house, name)).post(address(target), {"decision": "approve"}))
        }
        assert found == {
            ("judge", "open"): (403, "four_eyes"),
            ("operator", "open"): (403, "permission_denied"),
            ("stranger", "open"): (404, "not_found"),
            ("approver", "ended"): (409, "not_waiting"),
        }
        assert api(house.judge).post(f"{LIST}/{unknown_id()}/decision", {"decision": "approve"}).status_code == 404
        assert api().post(address(asked), {"decision": "approve"}).status_code == 401

    def test_the_same_request_again_gets_the_same_answer(self, house, api):
        asked = question(house.tenant, house.project)
        client = api(house.judge)
        first = client.post(address(asked), {"decision": "approve"}, headers={"Idempotency-Key": "once"})
        again = client.post(address(asked), {"decision": "approve"}, headers={"Idempotency-Key": "once"})
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
        assert again.json() == first.json()
        assert len(answer_of(asked)["votes"]) == 1


@pytest.mark.django_db(transaction=True)
class TestStream:
    def test_open_ones_come_first_then_each_change_once(self, house):
        first = question(house.tenant, house.project, title="first")
        question(house.tenant, house.project, title="for another", approvers=Named(users=frozenset({"approver"})))
        token = tokens.issue(house.judge, house.tenant.pk).token
        judge = people.actor(house.judge)
        later = questions.parked_run(house.tenant, house.project)

        async def act(parts):
            seen = [await next_update(parts)]
            await off_loop.call(questions.ask, later, title="second")
            seen.append(await next_update(parts))
            await off_loop.call(services.decide, judge, first.pk, Answer("approved"))
            seen.append(await next_update(parts))
            return seen

        async def listen():
            response: Any = await AsyncClient().get(f"{LIST}/stream", headers={"Authorization": f"Bearer {token}"})
            assert response.headers["Content-Type"] == "text/event-stream"
            parts = aiter(response.streaming_content)
            try:
                return await asyncio.wait_for(act(parts), 20)
            finally:
                await parts.aclose()

        seen = asyncio.run(listen())
        assert [(one["title"], one["status"]) for one in seen] == [
            ("first", "pending"),
            ("second", "pending"),
            ("first", "approved"),
        ]

    def test_a_ticket_opens_one_stream(self, house, api):
        ticket = api(house.judge).post("/api/stream-tickets", {"path": f"{LIST}/stream"}).json()["ticket"]
        opened = api().get(f"{LIST}/stream?ticket={ticket}")
        assert opened.status_code == 200
        opened.close()
        assert api().get(f"{LIST}/stream?ticket={ticket}").status_code == 401

    def test_nobody_gets_no_stream(self, house, api):
        assert api().get(f"{LIST}/stream").status_code == 401
        assert api().get(f"{LIST}/stream?ticket=nonsense").status_code == 401


async def next_update(parts):
    """The next approval of a stream."""
    async for part in parts:
        for line in part.decode().splitlines():
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended")
