"""The invoice flow that is shipped, against small agents: each of its branches from start to end."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agents.models import AgentLease
from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from langorch.demo import SAMPLES
from orchestration.models import Artifact, Event, Run, Wait
from tests import agents, people, runs
from tests.agents import SmallAgent
from tests.db.test_approvals_driven import make_overdue
from tests.people import House

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLE: Path = SAMPLES / "incoming-invoices.ckp.json"
MAILS = [
    {"id": "m1", "from": "mill@example.test", "number": "PM-1", "supplier": "Paper Mill", "amount": 1428},
    {"id": "m2", "from": "ink@example.test", "number": "IK-7", "supplier": "Ink", "amount": 90},
    {"id": "m3", "from": "lamp@example.test", "number": "LA-3", "supplier": "Lamps", "amount": 12.5},
]
PICTURE = {"artifact": {"kind": "screenshot", "content_base64": "iVBORw0KGgpwaWN0dXJl"}}


class Office:
    """The agents of the flow: a mailbox, a portal that knows suppliers, and books."""

    def __init__(self, stack: ExitStack, house: House) -> None:
        self.mails: list[dict[str, Any]] = list(MAILS)
        self.blocked: set[str] = set()
        self.shown = ""
        self.slow_pages = 0
        self.sent: list[dict[str, Any]] = []
        self.books: dict[str, Any] = {}
        self.email = self._agent(stack, house, "email", ("search_email", "download_attachment", "send_email"))
        self.web = self._agent(stack, house, "web", ("navigate", "extract_text", "screen_text_contains", "screenshot"))
        entering = [{"name": "enter_invoice", "side_effect": "irreversible", "keeps_keys": True}]
        self.erp = self._agent(stack, house, "erp", ("enter_invoice",), capabilities=entering)

    def _agent(self, stack: ExitStack, house: House, channel: str, names: tuple[str, ...], **given: Any) -> SmallAgent:
        actions = {name: getattr(self, name) for name in names}
        return stack.enter_context(agents.agent(house.tenant, channel, keeps_keys=True, **actions, **given))

    def search_email(self, params: dict[str, Any]) -> Any:
        return self.mails

    def download_attachment(self, params: dict[str, Any]) -> Any:
        (mail,) = [one for one in self.mails if one["id"] == params["mail"]]
        return {name: mail[name] for name in ("number", "supplier", "amount")}

    def send_email(self, params: dict[str, Any]) -> Any:
        self.sent.append(params)

    def navigate(self, params: dict[str, Any]) -> Any:
        self.shown = params["url"].rpartition("/")[2]

    def extract_text(self, params: dict[str, Any]) -> Any:
        if self.slow_pages:
            self.slow_pages -= 1
            return agents.said(status="error", error="not yet", error_type="ElementNotFound")
        return "blocked" if self.shown in self.blocked else "active"

    def screen_text_contains(self, params: dict[str, Any]) -> Any:
        return {"found": params["expected_values"] == [self.shown]}

    def screenshot(self, params: dict[str, Any]) -> Any:
        return PICTURE

    def enter_invoice(self, params: dict[str, Any]) -> Any:
        self.books[params["number"]] = params["amount"]
        return f"B{len(self.books)}"


@pytest.fixture
def office(house: House) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(stack, house)


def started(house: House) -> Run:
    document = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return runs.drive(
        runs.queue(house.tenant, document, mailbox="in@x.test", team="team@x.test", support="help@x.test")
    )


def decided(house: House, run: Run, verdict: str) -> Run:
    approval = Approval.system.get(run_id=run.pk, status="pending")
    comment = "" if verdict == "approved" else "not this month"
    approvals.decide(people.actor(house.approver), approval.pk, Answer(verdict, comment))
    return runs.drive(run)


def told(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def test_every_invoice_is_checked_booked_and_confirmed(house: House, office: Office):
    office.slow_pages = 1
    run = started(house)
    assert run.status == "waiting_approval"
    assert Approval.system.get().prompt == "Book 3 invoices that come to 1530.5?"
    run = decided(house, run, "approved")
    assert run.status == "completed", run.error
    assert run.output_vars == {"decision": "done", "processed": 3, "amount": 1530.5, "left": []}
    assert office.books == {"PM-1": 1428, "IK-7": 90, "LA-3": 12.5}
    assert [mail["to"] for mail in office.sent] == [*(mail["from"] for mail in MAILS), "team@x.test"]
    assert office.sent[0]["body"] == "We have booked 1428 under B1."
    assert [one["action"] for one in told(run, "error_handled")] == ["retry"]
    assert [one["iteration"] for one in told(run, "loop_iteration")] == [0, 1, 2]
    assert not AgentLease.system.filter(released_at=None).exists()


def test_an_invoice_that_does_not_pass_is_left_for_people(house: House, office: Office):
    office.blocked = {"IK-7"}
    run = decided(house, started(house), "approved")
    assert run.status == "completed", run.error
    assert run.output_vars == {
        "decision": "done",
        "processed": 2,
        "amount": 1440.5,
        "left": [{"mail": "m2", "reason": "Ink is blocked in the portal"}],
    }
    assert set(office.books) == {"PM-1", "LA-3"}


def test_without_mails_there_is_nothing_to_do(house: House, office: Office):
    office.mails = []
    run = started(house)
    assert (run.status, run.output_vars["decision"]) == ("completed", "nothing")
    assert office.email.actions_called == ["search_email"]


def test_a_rejected_batch_is_told(house: House, office: Office):
    run = decided(house, started(house), "rejected")
    assert (run.status, run.output_vars["decision"]) == ("completed", "rejected")
    assert [mail["subject"] for mail in office.sent] == ["Invoices are not released"]


@pytest.mark.parametrize("late", [False, True])
def test_when_nobody_decides_in_time_it_is_asked_once_more(house: House, office: Office, late: bool):
    run = started(house)
    make_overdue(Approval.system.get(run_id=run.pk))
    run = runs.drive(run)
    assert run.status == "waiting_approval"
    again = Approval.system.get(run_id=run.pk, status="pending")
    assert again.prompt.startswith("Nobody has released 3 invoices")
    if late:
        make_overdue(again)
        run = runs.drive(run)
    else:
        run = decided(house, run, "approved")
    assert run.status == "completed", run.error
    assert run.output_vars["decision"] == ("rejected" if late else "done")
    assert len(told(run, "approval_expired")) == 1 + late


def test_support_is_told_when_nothing_works(house: House, office: Office):
    office.email.actions["search_email"] = agents.failing("the mailbox is locked", retryable=False)
    run = started(house)
    assert (run.status, run.error_class) == ("failed", "terminated")
    assert run.error["message"] == "The invoices could not be processed: the mailbox is locked"
    assert office.sent == [
        {"to": "help@x.test", "subject": "Invoices are not processed", "body": "fetch: the mailbox is locked"}
    ]
    assert [one["to_node_id"] for one in told(run, "on_failure_routed")] == ["tell_support"]


def test_a_picture_of_what_went_wrong_is_kept(house: House, office: Office):
    office.web.actions["navigate"] = agents.failing("no such page", retryable=False)
    run = decided(house, started(house), "approved")
    assert (run.output_vars["processed"], len(run.output_vars["left"])) == (0, 3)
    assert Artifact.system.filter(run=run, kind="screenshot").count() == 3


def test_the_flow_waits_for_an_agent_that_comes_later(house: House):
    run = started(house)
    assert Wait.objects.get(run=run).ref == "agent:email/search_email"
    with ExitStack() as stack:
        Office(stack, house)
        assert runs.drive(run).status == "waiting_approval"
