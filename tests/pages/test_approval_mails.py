"""Deciding by the links in mails: a link works once, for one person; and the mails of a trial in the browser."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from approvals import notices, services
from approvals.models import Approval, Notice, Vote
from approvals.rules.answers import Answer
from approvals.rules.audience import Named
from approvals.rules.escalation import Step
from langorch.lib import clock
from tests import people
from tests.html import first, words
from tests.questions import link_in, question

pytestmark = pytest.mark.django_db


def page_of(approval):
    return f"/approvals/{approval.pk}"


def stored(approval):
    return Approval.system.get(pk=approval.pk)


def links_by_person():
    """The addresses of the links that were sent, by mail address."""
    notices.send_due()
    return {message.to[0].partition("@")[0]: link_in(message) for message in mail.outbox}


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
