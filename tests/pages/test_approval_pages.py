"""The pages of approvals: reading decides nothing, a form decides, links in mails work once."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import notices, services
from approvals.models import Approval, Notice, Vote
from approvals.rules.answers import Answer
from approvals.rules.audience import Named
from approvals.rules.escalation import Step
from langorch.lib import clock
from orchestration.models import Artifact
from tenants.choices import Role
from tests import people, questions
from tests.artifacts import stored_artifact
from tests.questions import answer_of, link_in, question

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


def words(answer):
    """The text of a page without its tags."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.content.decode(), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def first(pattern, text):
    """The first group of `pattern` in `text`."""
    found = re.search(pattern, text)
    assert found is not None, pattern
    return found.group(1)


def page_of(approval):
    return f"/approvals/{approval.pk}"


def stored(approval):
    return Approval.system.get(pk=approval.pk)


def links_by_person():
    """The addresses of the links that were sent, by mail address."""
    notices.send_due()
    return {message.to[0].partition("@")[0]: link_in(message) for message in mail.outbox}


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


class TestMailLink:
    def test_the_default_asks_to_log_in_and_comes_back(self, house, browser):
        question(house.tenant, house.project)
        address = links_by_person()["judge"]
        answer = browser().get(address)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/login?next={address}")
        assert browser().post(address, {"decision": "approve"}).status_code == 302
        shown = browser(house.judge).get(address)
        assert shown.status_code == 200
        assert "Opening this page has decided nothing" in words(shown)

    def test_getting_a_link_never_decides(self, house, browser):
        asked = question(house.tenant, house.project)
        address = links_by_person()["judge"]
        client = browser(house.judge)
        for _ in range(3):
            assert client.get(f"{address}?decision=approve").status_code == 200
            assert client.head(address).status_code == 200
        assert stored(asked).status == "pending"
        assert not Notice.system.exclude(link_used_at=None).exists()

    def test_answers_are_not_kept_and_leak_no_address(self, house, browser):
        question(house.tenant, house.project)
        answer = browser(house.judge).get(links_by_person()["judge"])
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"

    def test_a_post_decides_by_mail_and_spends_the_link(self, house, browser):
        asked = question(house.tenant, house.project)
        address = links_by_person()["judge"]
        client = browser(house.judge)
        assert client.post(address, {"decision": "reject", "comment": "no"}).status_code == 302
        done = stored(asked)
        assert (done.status, done.via, done.decided_by) == ("rejected", "mail", "judge")
        assert client.get(address).status_code == 410
        again = client.post(address, {"decision": "approve"})
        assert again.status_code == 409
        assert stored(asked).status == "rejected"
        assert Vote.system.count() == 1

    def test_in_mode_link_the_link_stands_for_the_person(self, house, browser):
        house.project.settings = {"approval_link_mode": "link"}
        house.project.save()
        asked = question(house.tenant, house.project)
        address = links_by_person()["judge"]
        nobody = browser()
        shown = nobody.get(address)
        assert shown.status_code == 200
        assert "You decide as Judge Test" in words(shown)
        answer = nobody.post(address, {"decision": "approve"})
        assert (answer.status_code, answer.headers["Location"]) == (302, address)
        assert (stored(asked).decided_by, stored(asked).via) == ("judge", "mail")
        ended = nobody.get(address)
        assert ended.status_code == 410
        assert "Approved by Judge Test" in words(ended)

    def test_a_form_without_the_csrf_token_is_refused(self, house):
        house.project.settings = {"approval_link_mode": "link"}
        house.project.save()
        asked = question(house.tenant, house.project)
        strict = Client(enforce_csrf_checks=True)
        address = links_by_person()["judge"]
        assert strict.post(address, {"decision": "approve"}).status_code == 403
        assert stored(asked).status == "pending"
        form = strict.get(address).content.decode()
        token = first(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        body = {"decision": "approve", "csrfmiddlewaretoken": token}
        assert strict.post(address, body).status_code == 302
        assert stored(asked).status == "approved"

    def test_somebody_else_who_is_logged_in_gets_403_and_their_own_rights(self, house, browser):
        asked = question(house.tenant, house.project)
        address = links_by_person()["judge"]
        answer = browser(house.approver).get(address)
        assert answer.status_code == 403
        assert "This link is for Judge Test" in words(answer)
        assert page_of(asked) in answer.content.decode()
        assert page_of(asked) not in browser(house.guest).get(address).content.decode()
        assert browser(house.approver).post(address, {"decision": "approve"}).status_code == 403
        assert stored(asked).status == "pending"

    def test_forged_and_swapped_tokens_are_unknown(self, house, browser):
        question(house.tenant, house.project)
        address = links_by_person()["judge"]
        forged = [
            "x",
            address[9:-1],
            address[9:] + "A",
            address[9:].swapcase(),
            Notice.system.values_list("link_hash", flat=True)[0],
        ]
        for token in forged:
            for method in ("get", "post"):
                assert getattr(browser(house.judge), method)(f"/approve/{token}").status_code == 404

    def test_an_expired_link_shows_but_does_not_decide(self, house, browser, standing_clock):
        asked = question(house.tenant, house.project)
        address = links_by_person()["judge"]
        standing_clock.advance(hours=73)
        client = browser(house.judge)
        assert client.get(address).status_code == 410
        assert client.post(address, {"decision": "approve"}).status_code == 409
        assert stored(asked).status == "pending"

    def test_a_link_lives_as_long_as_its_question(self, house, browser, standing_clock):
        step = Step(Named(users=frozenset({"judge"})), mode="add")
        named = Named(users=frozenset({"approver"}))
        due = clock.now() + timedelta(hours=1)
        more = {"approvers": named, "escalation": [step], "timeout_action": "escalate"}
        asked = question(house.tenant, house.project, expires_at=due, **more)
        address = links_by_person()["approver"]
        standing_clock.advance(hours=1)
        assert browser(house.approver).get(address).status_code == 410
        services.expire_due()
        assert browser(house.approver).get(address).status_code == 200
        assert browser(house.approver).post(address, {"decision": "approve"}).status_code == 302
        assert (stored(asked).status, stored(asked).via) == ("approved", "mail")

    def test_a_decision_elsewhere_ends_all_links(self, house, browser):
        asked = question(house.tenant, house.project)
        address = links_by_person()["judge"]
        services.decide(people.actor(house.approver), asked.pk, Answer("approved"))
        assert browser(house.judge).get(address).status_code == 410
        assert browser(house.judge).post(address, {"decision": "reject", "comment": "no"}).status_code == 409
        assert stored(asked).status == "approved"

    def test_a_person_who_lost_the_role_decides_nothing(self, house, browser):
        house.project.settings = {"approval_link_mode": "link"}
        house.project.save()
        asked = question(house.tenant, house.project, approvers=Named(users=frozenset({"judge"})))
        address = links_by_person()["judge"]
        house.judge.groups.clear()
        house.judge.memberships.all().delete()
        assert browser().get(address).status_code == 404
        assert browser().post(address, {"decision": "approve"}).status_code == 404
        house.judge.is_active = False
        house.judge.save()
        assert browser().get(address).status_code == 404
        assert stored(asked).status == "pending"

    def test_the_mail_holds_the_only_copy_of_the_token(self, house):
        question(house.tenant, house.project)
        token = links_by_person()["judge"].removeprefix("/approve/")
        assert len(token) >= 43
        assert not Notice.system.filter(link_hash__contains=token).exists()


class TestMailbox:
    @pytest.fixture
    def outbox(self, settings, tmp_path):
        settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
        settings.EMAIL_FILE_PATH = tmp_path
        return tmp_path

    def staff(self, house):
        house.admin.is_staff = True
        house.admin.save()
        return people.browser(house.admin)

    def test_staff_reads_the_mails_and_follows_their_links(self, house, outbox):
        question(house.tenant, house.project)
        notices.send_due()
        client = self.staff(house)
        listing = client.get("/mailbox").content.decode()
        names = re.findall(r'href="(/mailbox/[^"]+)"', listing)
        assert len(names) == 2
        shown = client.get(names[0]).content.decode()
        assert re.search(r'<a href="http://[^"]+/approve/[\w-]+"', shown)
        assert "Pay Kestrel Freight" in shown

    def test_an_empty_outbox_says_so(self, house, outbox):
        assert "No mail yet" in words(self.staff(house).get("/mailbox"))

    def test_others_read_nothing(self, house, outbox, browser):
        assert browser(house.operator).get("/mailbox").status_code == 403
        assert browser().get("/mailbox").status_code == 302

    def test_where_mails_are_sent_there_is_no_mailbox(self, house):
        assert self.staff(house).get("/mailbox").status_code == 404

    @pytest.mark.parametrize("name", ["nothing.log", "..%2f..%2fsecret-key", "secret-key", ".log"])
    def test_only_mails_are_read(self, house, outbox, name):
        (outbox / "secret-key").write_text("secret")
        assert self.staff(house).get(f"/mailbox/{name}").status_code == 404


def test_roles_on_one_project_stay_there(house, browser):
    other = people.make_person("other", (Role.APPROVER, house.other_project))
    asked = question(house.tenant, house.project)
    assert browser(other).get(page_of(asked)).status_code == 404
    assert browser(other).get("/approvals").status_code == 200
    assert questions.event_types(asked) == ["approval_requested"]
