"""The pages of approvals: reading decides nothing, a form decides, files can be looked at."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import services
from approvals.models import Approval, Vote
from approvals.rules.answers import Answer
from approvals.rules.audience import Named
from approvals.rules.escalation import Step
from langorch.lib import clock
from orchestration.models import Artifact
from tenants.choices import Role
from tests import people, questions
from tests.artifacts import stored_artifact
from tests.html import first, words
from tests.questions import answer_of, question

pytestmark = pytest.mark.django_db

FORM = {
    "type": "object",
    "required": ["amount"],
    "properties": {
        "amount": {"type": "number", "minimum": 5, "title": "Amount in EUR"},
        "ledger": {"type": "string", "enum": ["north", "south"]},
        "urgent": {"type": "boolean"},
        "due": {"type": "string", "format": "date"},
    },
}


def page_of(approval):
    return f"/approvals/{approval.pk}"


def stored(approval):
    return Approval.system.get(pk=approval.pk)


class TestQuestion:
    def test_reading_shows_everything_and_decides_nothing(self, house, browser):
        asked = question(
            house.tenant,
            house.project,
            initiator=house.operator,
            four_eyes=True,
            context_data={"vendor": "Kestrel Freight AS", "lines": [{"text": "Road freight", "price": 9760.0}]},
            expires_at=clock.now() + timedelta(hours=1),
            timeout_action="auto_reject",
        )
        answer = browser(house.judge).get(page_of(asked))
        assert answer.status_code == 200
        text = words(answer)
        for expected in (
            "Pay Kestrel Freight 14,380.00 EUR?",
            "Kestrel Freight AS",
            "9,760.00",
            "Opening this page has decided nothing. You decide as Judge Test",
            "Approver Test",
            "Judge Test, you",
            "Not Operator Test, who asked for this",
            "it is rejected by itself",
        ):
            assert expected in text
        assert stored(asked).status == "pending"
        assert not Vote.system.exists()

    def test_an_approver_reads_no_run_jargon(self, house, browser):
        asked = question(house.tenant, house.project)
        content = browser(house.judge).get(page_of(asked)).content.decode()
        body = re.sub(r'(data-section|action|href|id)="[^"]*"', "", content)
        for jargon in (str(asked.run_id), str(asked.pk), asked.path + "/", "node", "pay_invoices", "/runs"):
            assert jargon not in body

    def test_a_form_post_decides_and_leads_back(self, house, browser):
        asked = question(house.tenant, house.project)
        client = browser(house.judge)
        answer = client.post(page_of(asked), {"decision": "approve", "comment": "fine"})
        assert (answer.status_code, answer.headers["Location"]) == (302, page_of(asked))
        done = stored(asked)
        assert (done.status, done.via, done.comment, done.decided_by) == ("approved", "page", "fine", "judge")
        shown = words(client.get(page_of(asked)))
        assert "Approved" in shown
        assert "Judge Test" in shown
        assert "Opening this page" not in shown

    def test_reject_without_a_comment_comes_back_with_the_field_marked(self, house, browser):
        asked = question(house.tenant, house.project)
        answer = browser(house.judge).post(page_of(asked), {"decision": "reject"})
        assert answer.status_code == 422
        assert re.search(r'<textarea[^>]*name="comment"[^>]*aria-invalid="true"', answer.content.decode())
        assert "Say why you reject this." in words(answer)
        assert stored(asked).status == "pending"

    def test_neither_approve_nor_reject_decides_nothing(self, house, browser):
        asked = question(house.tenant, house.project)
        assert browser(house.judge).post(page_of(asked), {"decision": "hm"}).status_code == 422
        assert stored(asked).status == "pending"

    def test_the_loser_of_a_race_reads_what_was_decided(self, house, browser):
        asked = question(house.tenant, house.project)
        services.decide(people.actor(house.approver), asked.pk, Answer("rejected", "too dear"))
        answer = browser(house.judge).post(page_of(asked), {"decision": "approve"})
        assert answer.status_code == 409
        assert "This is decided already: rejected by approver." in words(answer)

    def test_who_may_look_but_not_decide_gets_no_form(self, house, browser):
        asked = question(house.tenant, house.project)
        answer = browser(house.viewer).get(page_of(asked))
        assert "Only people with the role approver may decide this." in words(answer)
        assert 'name="decision"' not in answer.content.decode()
        assert browser(house.viewer).post(page_of(asked), {"decision": "approve"}).status_code == 403
        assert browser(house.stranger).get(page_of(asked)).status_code == 404
        assert browser(house.stranger).post(page_of(asked), {"decision": "approve"}).status_code == 404

    def test_nobody_is_sent_to_the_login_page(self, house, browser):
        asked = question(house.tenant, house.project)
        answer = browser().get(page_of(asked))
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/login?next=/approvals/")

    def test_markup_in_texts_stays_text(self, house, browser):
        nasty = "<script>alert(1)</script>"
        asked = question(
            house.tenant,
            house.project,
            title=nasty,
            prompt=nasty,
            context_data={nasty: nasty, "deep": {"a": [nasty, {"b": nasty}]}, "rows": [{nasty: nasty}]},
            decision_type="select_option",
            options=[{"value": nasty, "label": nasty}, {"value": "b", "label": "b"}],
        )
        for address in (page_of(asked), "/approvals"):
            assert "<script>alert" not in browser(house.judge).get(address).content.decode()


class TestKinds:
    def test_an_option_is_chosen_by_a_radio_button(self, house, browser):
        options = [{"value": "n", "label": "North ledger"}, {"value": "s", "label": "South ledger"}]
        asked = question(house.tenant, house.project, decision_type="select_option", options=options)
        client = browser(house.judge)
        assert "North ledger" in words(client.get(page_of(asked)))
        missing = client.post(page_of(asked), {"decision": "approve"})
        assert missing.status_code == 422
        assert "Choose one." in words(missing)
        client.post(page_of(asked), {"decision": "approve", "selected_option": "s"})
        assert answer_of(asked)["selected_option"] == "s"
        assert "South ledger" in words(client.get(page_of(asked)))

    def test_a_single_option_is_a_button(self, house, browser):
        options = [{"value": "acknowledged", "label": "acknowledged"}]
        asked = question(house.tenant, house.project, decision_type="select_option", options=options)
        client = browser(house.judge)
        content = client.get(page_of(asked)).content.decode()
        assert '<input type="hidden" name="selected_option" value="acknowledged">' in content
        client.post(page_of(asked), {"decision": "approve", "selected_option": "acknowledged"})
        assert stored(asked).status == "approved"

    def test_a_form_of_a_schema_comes_back_with_faults_and_what_was_typed(self, house, browser):
        asked = question(house.tenant, house.project, decision_type="provide_input", form=FORM)
        client = browser(house.judge)
        answer = client.post(page_of(asked), {"decision": "approve", "in.amount": "3", "in.due": "2026-04-01"})
        assert answer.status_code == 422
        content = answer.content.decode()
        assert "This must be at least 5." in words(answer)
        assert re.search(r'name="in.due"[^>]*value="2026-04-01"', content) or 'value="2026-04-01"' in content
        client.post(
            page_of(asked),
            {"decision": "approve", "in.amount": "7.5", "in.ledger": "1", "in.urgent": "on", "in.due": ""},
        )
        assert answer_of(asked)["payload"] == {"amount": 7.5, "ledger": "south", "urgent": True}
        shown = words(client.get(page_of(asked)))
        assert "Amount 7.50" in shown
        assert "Ledger south" in shown

    def test_a_rejection_does_not_need_the_form(self, house, browser):
        asked = question(house.tenant, house.project, decision_type="provide_input", form=FORM)
        browser(house.judge).post(page_of(asked), {"decision": "reject", "comment": "no", "in.amount": "x"})
        assert stored(asked).status == "rejected"

    def test_corrections_keep_before_and_after(self, house, browser):
        editable = [
            {"name": "total", "label": "Total", "schema": {"type": "number"}, "value": 14380.0},
            {"name": "vendor", "label": "Vendor", "schema": {"type": "string"}, "value": "Kestrel"},
        ]
        asked = question(house.tenant, house.project, editable=editable)
        client = browser(house.judge)
        body = {"decision": "approve", "edit.total": "14000", "edit.vendor": "Kestrel"}
        assert client.post(page_of(asked), body).status_code == 302
        assert answer_of(asked)["edits"] == {"total": 14000.0}
        assert "Total 14,000.00 instead of 14,380.00" in words(client.get(page_of(asked)))


class TestWhoWasAsked:
    def test_each_turn_of_an_escalation_is_told_with_those_it_went_to(self, house, browser):
        other = people.make_person("other", (Role.APPROVER, house.tenant))
        steps = [Step(Named(users=frozenset({"other"}))), Step(Named(roles=frozenset({"viewer"})), "notify", after=1)]
        named = Named(users=frozenset({"judge"}))
        more = {"approvers": named, "escalation": steps, "timeout_action": "escalate"}
        asked = question(house.tenant, house.project, expires_at=clock.now() + timedelta(hours=1), **more)
        past = clock.now() - timedelta(seconds=1)
        Approval.system.filter(pk=asked.pk).update(acts_at=past, expires_at=past, created_at=past - timedelta(hours=1))
        services.expire_due()
        text = words(browser(other).get(page_of(asked)))
        told = text[text.index("So far") :]
        assert re.findall(r"Asked Judge Test|Told the viewers|Handed on to Other Test", told) == [
            "Asked Judge Test",
            "Told the viewers",
            "Handed on to Other Test",
        ]

    def test_a_question_that_nobody_answered_says_so(self, house, browser):
        asked = question(house.tenant, house.project, expires_at=clock.now() + timedelta(hours=1))
        past = clock.now() - timedelta(seconds=1)
        Approval.system.filter(pk=asked.pk).update(acts_at=past, expires_at=past)
        services.expire_due()
        text = words(browser(house.judge).get(page_of(asked)))
        assert "Ended without a decision" in text
        assert "Nobody decided in time." in text

    def test_administrators_come_last(self, house, browser):
        asked = question(house.tenant, house.project, approvers=Named(users=frozenset({"nobody"})))
        text = words(browser(house.admin).get(page_of(asked)))
        assert "Asked nobody" in text
        assert "Handed to the administrators, because nobody else may decide" in text

    def test_a_vote_says_what_it_is_for(self, house, browser):
        options = [{"value": "north", "label": "By rail"}, {"value": "south", "label": "By road"}]
        more = {"decision_type": "select_option", "options": options, "min_approvers": 2}
        asked = question(house.tenant, house.project, **more)
        services.decide(people.actor(house.judge), asked.pk, Answer("approved", selected_option="south"))
        assert "Judge Test chose By road" in words(browser(house.approver).get(page_of(asked)))


class TestFiles:
    @pytest.fixture
    def asked(self, house):
        run = questions.parked_run(house.tenant, house.project)
        report = stored_artifact(run, "report.csv", b"item,price\nboots,80\n")
        sealed = stored_artifact(run, "sealed.txt", b"only for few", classification="confidential")
        named = [{"artifact_id": str(one.pk), "uri": one.uri, "name": one.name} for one in (report, sealed)]
        return questions.ask(run, context_data={"files": {"artifacts": named}, "gone": {"artifact_id": "x"}})

    def test_files_among_the_evidence_are_shown_and_can_be_downloaded(self, asked, house, browser):
        client = browser(house.judge)
        report, _ = Artifact.system.filter(run_id=asked.run_id).order_by("name")
        for address in (page_of(asked), f"/approvals?a={asked.pk}"):
            answer = client.get(address)
            assert "item,price boots,80" in words(answer)
            assert report.uri in answer.content.decode()
            assert "artifact_id" not in words(answer)
        download = client.get(report.uri)
        assert (download.status_code, b"".join(download.streaming_content)) == (200, b"item,price\nboots,80\n")

    def test_a_classification_still_decides(self, asked, house, browser):
        client = browser(house.judge)
        _, sealed = Artifact.system.filter(run_id=asked.run_id).order_by("name")
        text = words(client.get(page_of(asked)))
        assert "This artifact is confidential" in text
        assert "only for few" not in text
        assert client.get(sealed.uri).status_code == 403

    def test_who_is_not_asked_gets_nothing(self, asked, house, browser):
        report, _ = Artifact.system.filter(run_id=asked.run_id).order_by("name")
        other = questions.ask(questions.parked_run(house.tenant, house.other_project))
        assert browser(house.guest).get(report.uri).status_code == 404
        services.decide(people.actor(house.judge), asked.pk, Answer("approved"))
        assert browser(house.judge).get(report.uri).status_code == 200
        assert browser(house.judge).get(page_of(other)).status_code == 404


class TestInbox:
    def test_tabs_part_what_asks_me_from_what_asks_my_groups(self, house, browser):
        finance = Group.objects.create(name="finance")
        house.judge.groups.add(finance)
        question(house.tenant, house.project, title="For every approver")
        question(house.tenant, house.project, title="For finance", approvers=Named(groups=frozenset({"finance"})))
        done = question(house.tenant, house.project, title="Done before")
        services.decide(people.actor(house.judge), done.pk, Answer("approved"))
        client = browser(house.judge)
        mine, groups, decided = (words(client.get(f"/approvals?tab={tab}")) for tab in ("mine", "groups", "decided"))
        assert "2 decisions wait for you" in mine
        assert "For every approver" in mine
        assert "For finance" not in mine
        assert "For finance" in groups
        assert "Done before" in decided
        assert "Done before" not in mine

    def test_the_first_due_stands_first_and_is_shown_beside(self, house, browser):
        now = clock.now()
        question(house.tenant, house.project, title="Later", expires_at=now + timedelta(hours=5))
        question(house.tenant, house.project, title="Whenever")
        question(house.tenant, house.project, title="Soon", expires_at=now + timedelta(hours=1))
        content = browser(house.judge).get("/approvals").content.decode()
        assert content.index("Soon") < content.index("Later") < content.index("Whenever")
        assert 'aria-label="Soon"' in content
        assert content.count('name="decision"') == 2

    def test_the_preview_decides_and_leads_back_to_the_inbox(self, house, browser):
        asked = question(house.tenant, house.project)
        client = browser(house.judge)
        assert f'action="{page_of(asked)}"' in client.get("/approvals").content.decode()
        answer = client.post(page_of(asked), {"decision": "approve", "from": "inbox"})
        assert answer.headers["Location"] == "/approvals"
        assert "Approved: Pay Kestrel" in words(client.get("/approvals"))

    def test_an_empty_inbox_says_so(self, house, browser):
        assert "No decision waits for you" in words(browser(house.judge).get("/approvals"))

    def test_pages_of_a_long_inbox_follow_each_other(self, house, browser):
        for number in range(55):
            question(house.tenant, house.project, title=f"Question {number:02}")
        client = browser(house.judge)
        begin = client.get("/approvals").content.decode()
        more = unescape(first(r'href="([^"]*after=[^"]*)" rel="next"', begin))
        second = client.get(f"/approvals{more}").content.decode()
        seen = re.findall(r"<b>(Question \d\d)</b>", begin) + re.findall(r"<b>(Question \d\d)</b>", second)
        assert len(seen) == len(set(seen)) == 55
        assert client.get("/approvals?after=damaged").status_code == 200

    def test_the_number_of_queries_does_not_grow(self, house, browser):
        client, counts = browser(house.judge), []
        for more in (2, 18):
            for number in range(more):
                question(house.tenant, house.project, title=f"Question {number}", context_data={"n": number})
            with CaptureQueriesContext(connection) as counted:
                client.get("/approvals")
            counts.append(len(counted))
        assert counts[0] == counts[1] <= 20

    def test_the_counter_stands_in_the_head_of_every_page(self, house, browser):
        question(house.tenant, house.project)
        content = browser(house.judge).get("/approvals").content.decode()
        assert re.search(r'id="approvals-waiting"[^>]*>1<', content)

    def test_live_parts_name_themselves(self, house, browser):
        asked = question(house.tenant, house.project)
        content = browser(house.judge).get("/approvals").content.decode()
        assert 'data-section="approvals:inbox"' in content
        assert f'data-section="approval:{asked.pk}:preview"' in content
        assert f"a={asked.pk}" in first(r'id="question"[^>]*data-src="([^"]*)"', content)


def test_roles_on_one_project_stay_there(house, browser):
    other = people.make_person("other", (Role.APPROVER, house.other_project))
    asked = question(house.tenant, house.project)
    assert browser(other).get(page_of(asked)).status_code == 404
    assert browser(other).get("/approvals").status_code == 200
    assert questions.event_types(asked) == ["approval_requested"]
