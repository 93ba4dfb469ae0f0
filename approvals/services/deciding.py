"""Deciding: one function for page, API and mail link, and the end that people and the system share."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from approvals import links, notices, ports, selectors, transitions
from approvals.choices import Status, Via
from approvals.models import Approval, Notice, Vote
from approvals.rules import answers, quorum
from approvals.rules.answers import Answer, Question
from approvals.rules.audience import REASONS
from langorch.lib import clock, groups, live
from langorch.lib.errors import Conflict, Denied, Invalid, Place
from tenants import audit
from tenants.actor import Actor


@dataclass(frozen=True, slots=True)
class Ending:
    """How a question ends. `verdict` is approved, rejected or timeout."""

    verdict: str
    answer: Answer
    via: Via
    client_note: str = ""


@transaction.atomic
def decide(actor: Actor, approval_id: UUID | str, answer: Answer, *, client_note: str = "") -> Approval:
    """Take the answer of `actor`: a decision, or with a quorum a vote that may not be enough yet.

    Raises `NotFound`; `Denied` (not_an_approver, four_eyes, key_cannot_decide, permission_denied); `Conflict`
    (already_decided with the decision, duplicate for a second vote, not_waiting); `Invalid` (invalid_decision).
    """
    approval, waits = lock(selectors.approval_for(actor, approval_id))
    _require_right(actor, approval)
    _require_open(approval, waits)
    question = selectors.question(approval)
    answer = answers.completed(question, answer)
    if places := _faults(approval, question, answer):
        detail = " ".join(place.message for place in places)
        raise Invalid(detail, code="invalid_decision", places=places)
    _vote(actor, approval, answer)
    tally = _tally(approval)
    if tally.decided:
        if answer.verdict == answers.APPROVED:
            answer = replace(answer, edits=selectors.corrections(approval))
        end(actor, approval, Ending(answer.verdict, answer, Via(actor.via), client_note[:300]))
    else:
        _note_vote(actor, approval, answer, tally)
    return approval


@transaction.atomic
def decide_by_link(actor: Actor, notice: Notice, answer: Answer) -> Approval:
    """Take the answer that came through the link of `notice`, which is spent by it; `actor` is its holder.

    Raises what `decide` raises, and `Conflict` (already_decided) for a link that has ended.
    """
    links.require_alive(notice)
    approval = decide(actor, notice.approval_id, answer)
    links.use_up(notice)
    return approval


def lock(approval: Approval) -> tuple[Approval, bool]:
    """The approval as it is now, locked after its run and wait; and whether the run waits for it."""
    waits = ports.runs().lock(approval)
    rows = Approval.system.select_for_update(of=("self",)).prefetch_related("assignments__user", "votes__user")
    return rows.get(pk=approval.pk), waits


def end(actor: Actor, approval: Approval, ending: Ending) -> None:
    """Close a locked approval: decision, audit, event, and the answer that lets the run go on.

    Raises `Conflict` (already_decided).
    """
    answer, now = ending.answer, clock.now()
    status = Status(ending.verdict)
    closed = transitions.close(
        approval,
        status,
        now,
        decided_by=actor.name,
        decided_at=now,
        via=ending.via,
        comment=answer.comment,
        selected_option=answer.selected_option,
        decision_payload=answer.payload,
        edits=answer.edits,
        client_note=ending.client_note,
    )
    if not closed:
        raise already_decided(approval)
    _write_down(actor, approval)
    notices.void(approval)
    ports.runs().answer(approval, answer_of(approval))
    live.announce(groups.approvals(approval.tenant_id), approval_id=str(approval.pk))


def answer_of(approval: Approval) -> dict[str, Any]:
    """What the run gets: the value of the node's output variable, and the corrected variables under `edits`."""
    return outcome(approval) | {
        "payload": approval.decision_payload,
        "edits": approval.edits,
        "votes": [vote_as_json(vote) for vote in approval.votes.all()],
    }


def outcome(approval: Approval) -> dict[str, Any]:
    """The decision itself, as JSON."""
    return {
        "approval_id": str(approval.pk),
        "decision": approval.status,
        "selected_option": approval.selected_option,
        "comment": approval.comment,
        "decided_by": approval.decided_by,
        "decided_at": approval.decided_at.isoformat() if approval.decided_at else None,
        "via": approval.via,
    }


def vote_as_json(vote: Vote) -> dict[str, Any]:
    """One vote, as JSON."""
    return {
        "decided_by": vote.name,
        "decision": vote.verdict,
        "selected_option": vote.selected_option,
        "comment": vote.comment,
        "via": vote.via,
        "decided_at": vote.created_at.isoformat(),
    }


def already_decided(approval: Approval) -> Conflict:
    """The refusal that the loser of a race gets, with what was decided."""
    return Conflict(
        f"This is decided already: {approval.get_status_display().lower()} by {approval.decided_by}.",
        code="already_decided",
        extra={"decision": outcome(approval)},
    )


def _require_right(actor: Actor, approval: Approval) -> None:
    code = selectors.refusal_for(actor, approval, selectors.group_names(actor))
    if code is not None:
        raise Denied("approvals.decide", code=code, detail=REASONS[code])


def _require_open(approval: Approval, waits: bool) -> None:
    if approval.status in (Status.APPROVED, Status.REJECTED, Status.TIMEOUT):
        raise already_decided(approval)
    if approval.status == Status.CANCELLED or not waits:
        raise Conflict("This question was withdrawn; nothing waits for it any more.", code="not_waiting")


def _faults(approval: Approval, question: Question, answer: Answer) -> list[Place]:
    """All that is wrong, each field once."""
    found = answers.faults(question, answer)
    named = {place.field for place in found if (place.pointer or "").startswith("/edits")}
    if answer.verdict != answers.APPROVED:
        return found
    return found + [place for place in _edit_faults(approval, answer) if place.field not in named]


def _edit_faults(approval: Approval, answer: Answer) -> list[Place]:
    """What the declarations of corrected variables say beyond the schemas that the form shows."""
    faults = ports.runs().faults(approval, answer.edits) if answer.edits else {}
    return [Place(fault, code="value", field=name, pointer=f"/edits/{name}") for name, fault in faults.items()]


def _vote(actor: Actor, approval: Approval, answer: Answer) -> None:
    if any(vote.user_id == actor.user_id for vote in approval.votes.all()):
        raise Conflict("You have decided this already; other people are needed.", code="duplicate")
    Vote.system.create(
        tenant_id=approval.tenant_id,
        approval=approval,
        user_id=actor.user_id,
        name=actor.name,
        verdict=answer.verdict,
        selected_option=answer.selected_option,
        payload=answer.payload,
        edits=answer.edits,
        comment=answer.comment,
        via=actor.via,
        evidence_hash=approval.evidence_hash,
        created_at=clock.now(),
    )
    approval._prefetched_objects_cache.pop("votes")  # type: ignore[attr-defined]


def _tally(approval: Approval) -> quorum.Tally:
    ballots = [quorum.Ballot(vote.verdict, vote.selected_option) for vote in approval.votes.all()]
    return quorum.tally(ballots, approval.rules["min_approvers"], approval.rules["min_rejections"])


def _note_vote(actor: Actor, approval: Approval, answer: Answer, tally: quorum.Tally) -> None:
    approval.updated_at = clock.now()
    approval.save(update_fields=["updated_at"])
    payload = {
        "approval_id": str(approval.pk),
        "decision": answer.verdict,
        "decided_by": actor.name,
        "have": tally.have,
        "need": tally.need,
    }
    ports.runs().record(approval, "approval_vote_recorded", payload)
    _audit(actor, approval, "approval.vote", f"{answer.verdict} (vote {tally.have} of {tally.need}): {approval.title}")
    live.announce(groups.approvals(approval.tenant_id), approval_id=str(approval.pk))


def _write_down(actor: Actor, approval: Approval) -> None:
    _audit(actor, approval, "approval.decide", f"{approval.get_status_display()}: {approval.title}")
    if approval.status == Status.TIMEOUT:
        return
    payload = {
        "approval_id": str(approval.pk),
        "decision": approval.status,
        "decided_by": actor.name,
        "comment": approval.comment,
        "node_name": approval.node_name,
        "via": approval.via,
    }
    ports.runs().record(approval, "approval_decision_received", payload)


def _audit(actor: Actor, approval: Approval, action: str, description: str) -> None:
    audit.record(
        actor,
        action,
        description,
        resource=("approval", approval.pk),
        project_id=approval.project_id,
        evidence_hash=approval.evidence_hash,
        run_id=str(approval.run_id),
    )
