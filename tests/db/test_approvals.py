"""Asking and deciding, down to the run that goes on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from approvals import notices, selectors, services
from approvals.choices import Status
from approvals.models import Approval, Assignment, Notice, Vote
from approvals.rules.answers import Answer
from approvals.rules.audience import Named
from approvals.rules.escalation import Step
from langorch.lib import clock
from langorch.lib.errors import Conflict, Denied, Invalid, NotFound
from orchestration import waits
from orchestration.choices import JobState, RunStatus, WaitState
from orchestration.models import Run
from tenants.models import AuditEntry
from tests import people, questions
from tests.questions import answer_of, event_types, question, wait_of

APPROVE, REJECT = Answer("approved"), Answer("rejected", "too dear")

pytestmark = pytest.mark.django_db


def run_of(approval: Approval) -> Run:
    return Run.system.select_related("job").get(pk=approval.run_id)


def stored(approval: Approval) -> Approval:
    return Approval.system.get(pk=approval.pk)


class TestAsking:
    def test_a_visit_asks_once(self, house):
        run = questions.parked_run(house.tenant, house.project)
        first = questions.ask(run)
        again = services.open_approval(
            services.OpenApproval(
                tenant_id=run.tenant_id,
                project_id=run.project_id,
                run_id=run.pk,
                path=first.path,
                node_id="ask",
                procedure_id="pay_invoices",
                procedure_version="1.0.0",
                title="Another text",
            )
        )
        assert again.pk == first.pk
        assert event_types(first) == ["approval_requested"]
        assert Notice.system.filter(approval=first).count() == 2

    def test_a_retried_run_asks_anew(self, house):
        run = questions.parked_run(house.tenant, house.project)
        first = questions.ask(run)
        second = questions.ask(run, path="again", retry=1)
        assert first.pk != second.pk

    def test_without_names_every_approver_of_the_place_is_asked(self, house):
        asked = question(house.tenant, house.project)
        assert set(selectors.deciders(asked)) == {house.approver, house.judge}

    def test_names_narrow_who_is_asked(self, house):
        asked = question(house.tenant, house.project, approvers=Named(users=frozenset({"JUDGE@example.test"})))
        assert set(selectors.deciders(asked)) == {house.judge}

    def test_nobody_found_asks_the_next_of_the_escalation_at_once(self, house):
        step = Step(Named(users=frozenset({"judge"})))
        asked = question(
            house.tenant, house.project, approvers=Named(users=frozenset({"nobody", "viewer"})), escalation=[step]
        )
        assert set(selectors.deciders(asked)) == {house.judge}
        assert event_types(asked) == ["approval_requested", "approval_escalated"]

    def test_nobody_found_at_all_asks_the_administrators(self, house):
        asked = question(house.tenant, house.project, approvers=Named(groups=frozenset({"moon"})))
        assert set(selectors.deciders(asked)) == {house.admin}
        assert event_types(asked) == ["approval_requested", "approval_escalated"]
        services.decide(people.actor(house.admin), asked.pk, APPROVE)
        assert stored(asked).status == Status.APPROVED

    def test_the_hash_says_what_was_seen(self, house):
        one = question(house.tenant, house.project, context_data={"amount": 1})
        other = question(house.tenant, house.project, context_data={"amount": 2})
        assert len(one.evidence_hash) == 64
        assert one.evidence_hash != other.evidence_hash


class TestDeciding:
    def test_a_decision_closes_the_question_and_the_run_goes_on(self, house):
        asked = question(house.tenant, house.project)
        done = services.decide(people.actor(house.approver), asked.pk, Answer("approved", "fine"))
        assert (done.status, done.decided_by, done.via, done.comment) == ("approved", "approver", "api", "fine")
        run = run_of(asked)
        assert (run.status, run.job.state, run.job.wake_seq) == (RunStatus.CREATED, JobState.READY, 1)
        assert event_types(asked) == ["approval_requested", "approval_decision_received", "run_resumed"]
        answer = answer_of(asked)
        assert wait_of(asked).state == WaitState.ANSWERED
        assert {name: answer[name] for name in ("approval_id", "decision", "decided_by", "via", "comment")} == {
            "approval_id": str(asked.pk),
            "decision": "approved",
            "decided_by": "approver",
            "via": "api",
            "comment": "fine",
        }
        entry = AuditEntry.system.get(action="approval.decide")
        assert (entry.actor, entry.resource_id, entry.project_id) == ("approver", str(asked.pk), house.project.pk)

    def test_the_second_decision_is_told_the_first(self, house):
        asked = question(house.tenant, house.project)
        services.decide(people.actor(house.approver), asked.pk, APPROVE)
        with pytest.raises(Conflict) as refused:
            services.decide(people.actor(house.judge), asked.pk, REJECT)
        assert refused.value.code == "already_decided"
        assert refused.value.extra["decision"]["decision"] == "approved"
        assert refused.value.extra["decision"]["decided_by"] == "approver"
        assert Vote.system.filter(approval=asked).count() == 1

    def test_a_rejection_needs_a_comment_and_leaves_everything_open(self, house):
        asked = question(house.tenant, house.project)
        with pytest.raises(Invalid) as refused:
            services.decide(people.actor(house.approver), asked.pk, Answer("rejected"))
        assert (refused.value.code, refused.value.places[0].field) == ("invalid_decision", "comment")
        assert stored(asked).status == Status.PENDING
        assert wait_of(asked).state == WaitState.OPEN
        assert not Vote.system.exists()

    @pytest.mark.parametrize(
        ("who", "code"),
        [("operator", "permission_denied"), ("admin", "permission_denied"), ("viewer", "permission_denied")],
    )
    def test_other_roles_may_look_but_not_decide(self, house, who, code):
        asked = question(house.tenant, house.project)
        with pytest.raises(Denied) as refused:
            services.decide(people.actor(getattr(house, who)), asked.pk, APPROVE)
        assert refused.value.code == code

    def test_an_approver_who_was_not_asked_may_not_decide(self, house):
        run = questions.parked_run(house.tenant, house.project)
        asked = questions.ask(run, approvers=Named(users=frozenset({"judge"})))
        Vote.system.create(
            tenant=house.tenant,
            approval=asked,
            user=house.approver,
            name="approver",
            verdict="approved",
            via="api",
            created_at=clock.now(),
        )
        with pytest.raises(Denied) as refused:
            services.decide(people.actor(house.approver), asked.pk, APPROVE)
        assert refused.value.code == "not_an_approver"

    def test_what_one_may_not_see_does_not_exist(self, house):
        asked = question(house.tenant, house.project, approvers=Named(users=frozenset({"judge"})))
        for person in (house.approver, house.guest, house.stranger):
            with pytest.raises(NotFound):
                services.decide(people.actor(person), asked.pk, APPROVE)

    def test_a_key_never_decides(self, house):
        asked = question(house.tenant, house.project)
        key = replace(people.actor(house.admin), key_id="key-1", everywhere=frozenset({"can_view", "can_decide"}))
        with pytest.raises(Denied) as refused:
            services.decide(key, asked.pk, APPROVE)
        assert refused.value.code == "key_cannot_decide"

    def test_an_ended_run_waits_for_nobody(self, house):
        asked = question(house.tenant, house.project)
        services.cancel_for_run(asked.run_id)
        with pytest.raises(Conflict) as refused:
            services.decide(people.actor(house.approver), asked.pk, APPROVE)
        assert refused.value.code == "not_waiting"
        assert stored(asked).status == Status.CANCELLED
        assert event_types(asked)[-1] == "approval_canceled"

    def test_a_run_that_waits_elsewhere_takes_no_answer(self, house):
        asked = question(house.tenant, house.project)
        wait = wait_of(asked)
        wait.state = WaitState.CANCELED
        wait.save()
        with pytest.raises(Conflict) as refused:
            services.decide(people.actor(house.approver), asked.pk, APPROVE)
        assert refused.value.code == "not_waiting"
        assert stored(asked).status == Status.PENDING

    def test_only_one_branch_is_withdrawn(self, house):
        run = questions.parked_run(house.tenant, house.project)
        left, right = questions.ask(run, path="fork:left/ask"), questions.ask(run, path="fork:right/ask")
        leftish = questions.ask(run, path="fork:lefty/ask")
        assert services.cancel_for_run(run.pk, reason="branch_stopped", below=["fork:left"]) == 1
        statuses = [stored(asked).status for asked in (left, right, leftish)]
        assert statuses == [Status.CANCELLED, Status.PENDING, Status.PENDING]


class TestFourEyes:
    def test_who_started_the_run_may_not_decide(self, house):
        asked = question(house.tenant, house.project, initiator=house.approver, four_eyes=True)
        with pytest.raises(Denied) as refused:
            services.decide(people.actor(house.approver), asked.pk, APPROVE)
        assert refused.value.code == "four_eyes"
        assert set(selectors.deciders(asked)) == {house.judge}
        assert not selectors.waiting_for_me(people.actor(house.approver)).exists()

    def test_the_project_asks_for_it_by_default(self, house):
        house.project.settings = {"four_eyes": True}
        house.project.save()
        asked = question(house.tenant, house.project, initiator=house.approver)
        assert house.approver not in selectors.deciders(asked)
        relaxed = question(house.tenant, house.project, initiator=house.approver, four_eyes=False)
        assert house.approver in selectors.deciders(relaxed)

    def test_deciders_of_an_earlier_node_are_excluded(self, house):
        run = questions.parked_run(house.tenant, house.project)
        first = questions.ask(run)
        services.decide(people.actor(house.approver), first.pk, APPROVE)
        second = questions.ask(run, path="second", node_id="second", not_deciders_of=["ask"])
        assert set(selectors.deciders(second)) == {house.judge}


class TestQuorum:
    def test_votes_are_recorded_until_the_rule_is_met(self, house):
        asked = question(house.tenant, house.project, min_approvers=2)
        first = services.decide(people.actor(house.approver), asked.pk, APPROVE)
        assert first.status == Status.PENDING
        assert wait_of(asked).state == WaitState.OPEN
        assert event_types(asked) == ["approval_requested", "approval_vote_recorded"]
        done = services.decide(people.actor(house.judge), asked.pk, APPROVE)
        assert done.status == Status.APPROVED
        assert [vote["decided_by"] for vote in answer_of(asked)["votes"]] == ["approver", "judge"]

    def test_nobody_votes_twice(self, house):
        asked = question(house.tenant, house.project, min_approvers=2)
        services.decide(people.actor(house.approver), asked.pk, APPROVE)
        with pytest.raises(Conflict) as refused:
            services.decide(people.actor(house.approver), asked.pk, APPROVE)
        assert refused.value.code == "duplicate"
        assert not selectors.waiting_for_me(people.actor(house.approver)).exists()
        assert selectors.waiting_count(people.actor(house.judge)) == 1

    def test_the_first_number_that_is_reached_decides(self, house):
        asked = question(house.tenant, house.project, min_approvers=2)
        services.decide(people.actor(house.approver), asked.pk, APPROVE)
        done = services.decide(people.actor(house.judge), asked.pk, REJECT)
        assert done.status == Status.REJECTED


class TestKinds:
    def test_an_option_is_chosen(self, house):
        options = [{"value": "north", "label": "North"}, {"value": "south", "label": "South"}]
        asked = question(house.tenant, house.project, decision_type="select_option", options=options)
        services.decide(people.actor(house.approver), asked.pk, Answer("approved", selected_option="south"))
        assert answer_of(asked)["selected_option"] == "south"

    def test_input_and_corrections_reach_the_run(self, house):
        form = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}
        editable = [{"name": "total", "label": "Total", "schema": {"type": "number"}, "value": 1}]
        asked = question(house.tenant, house.project, decision_type="provide_input", form=form, editable=editable)
        services.decide(
            people.actor(house.approver), asked.pk, Answer("approved", payload={"amount": 5}, edits={"total": 2})
        )
        answer = answer_of(asked)
        assert (answer["payload"], answer["edits"]) == ({"amount": 5}, {"total": 2})


class TestTime:
    @pytest.mark.parametrize(
        ("action", "status"), [("auto_approve", "approved"), ("auto_reject", "rejected"), ("", "timeout")]
    )
    def test_at_the_due_time_the_system_decides(self, house, standing_clock, action, status):
        due = clock.now() + timedelta(hours=1)
        asked = question(house.tenant, house.project, expires_at=due, timeout_action=action)
        assert services.expire_due() == 0
        standing_clock.advance(hours=1)
        assert services.expire_due() == 1
        done = stored(asked)
        assert (done.status, done.decided_by, done.via) == (status, "system", "system")
        assert answer_of(asked)["decision"] == status
        assert run_of(asked).status == RunStatus.CREATED
        assert "approval_expired" in event_types(asked)
        assert services.expire_due() == 0

    def test_the_escalation_gives_other_people_the_same_time_again(self, house, standing_clock):
        due = clock.now() + timedelta(hours=1)
        asked = question(
            house.tenant,
            house.project,
            approvers=Named(users=frozenset({"approver"})),
            expires_at=due,
            timeout_action="escalate",
            escalation_contact="judge@example.test",
        )
        standing_clock.advance(hours=1)
        services.expire_due()
        moved = stored(asked)
        assert (moved.status, moved.expires_at) == (Status.PENDING, due + timedelta(hours=1))
        assert set(selectors.deciders(moved)) == {house.judge}
        assert event_types(asked)[-1] == "approval_escalated"
        standing_clock.advance(hours=1)
        services.expire_due()
        assert stored(asked).status == Status.TIMEOUT

    def test_an_escalation_to_nobody_ends_it(self, house, standing_clock):
        due = clock.now() + timedelta(hours=1)
        asked = question(
            house.tenant,
            house.project,
            expires_at=due,
            timeout_action="escalate",
            escalation_contact="finance.manager@company.example",
        )
        standing_clock.advance(hours=2)
        services.expire_due()
        assert stored(asked).status == Status.TIMEOUT
        assert set(Assignment.system.filter(approval=asked).values_list("kind", "name")) == {("role", "approver")}

    def test_a_timed_step_adds_people_before_the_due_time(self, house, standing_clock):
        step = Step(Named(users=frozenset({"judge"})), mode="add", before_due=600)
        asked = question(
            house.tenant,
            house.project,
            approvers=Named(users=frozenset({"approver"})),
            expires_at=clock.now() + timedelta(hours=1),
            escalation=[step],
        )
        standing_clock.advance(minutes=50)
        services.expire_due()
        assert set(selectors.deciders(stored(asked))) == {house.approver, house.judge}
        assert stored(asked).expires_at == clock.now() + timedelta(minutes=10)

    def test_a_question_nobody_waits_for_is_withdrawn(self, house, standing_clock):
        asked = question(house.tenant, house.project, expires_at=clock.now() + timedelta(minutes=1))
        wait = wait_of(asked)
        wait.state = WaitState.CANCELED
        wait.save()
        standing_clock.advance(minutes=1)
        services.expire_due()
        assert stored(asked).status == Status.CANCELLED

    def test_due_approvals_are_found_where_timers_are(self, house, standing_clock):
        asked = question(house.tenant, house.project, expires_at=clock.now() + timedelta(minutes=1))
        standing_clock.advance(minutes=1)
        assert waits.fire_due() == 1
        assert stored(asked).status == Status.TIMEOUT


class TestNotices:
    def test_each_decider_gets_one_mail(self, house, standing_clock):
        asked = question(house.tenant, house.project, context_data={"order": "PO-7781 matches"})
        assert notices.send_due() == 2
        assert notices.send_due() == 0
        assert sorted(message.to[0] for message in mail.outbox) == ["approver@example.test", "judge@example.test"]
        message: Any = mail.outbox[0]
        assert asked.title in message.subject
        assert "PO-7781 matches" in message.body
        assert "/approve/" in message.body
        html = message.alternatives[0][0]
        assert "PO-7781 matches" in html

    def test_a_decided_question_sends_no_mail(self, house):
        asked = question(house.tenant, house.project)
        services.decide(people.actor(house.approver), asked.pk, APPROVE)
        assert notices.send_due() == 0
        assert set(Notice.system.values_list("state", flat=True)) == {"canceled"}

    def test_a_mail_that_cannot_be_sent_is_tried_again_later(self, house, standing_clock, settings, tmp_path):
        question(house.tenant, house.project, approvers=Named(users=frozenset({"judge"})))
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 1
        assert notices.send_due() == 0
        (row,) = Notice.system.all()
        assert (row.state, row.attempts, bool(row.last_error)) == ("pending", 1, True)
        assert row.available_at == clock.now() + timedelta(seconds=15)
        standing_clock.advance(seconds=15)
        assert notices.send_due() == 0
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        standing_clock.advance(seconds=30)
        assert notices.send_due() == 1

    def test_markup_in_a_title_stays_text(self, house):
        question(house.tenant, house.project, title="Pay <script>alert(1)</script>\nBcc: x@y.z")
        notices.send_due()
        message: Any = mail.outbox[0]
        assert "\n" not in message.subject
        assert "<script>" not in message.alternatives[0][0]
