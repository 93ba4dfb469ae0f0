"""What the pages of approvals show, in the words of people who know nothing of runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from approvals import ports, selectors
from approvals.choices import AssignmentKind, NoticeState, Status, Verdict, Via
from approvals.decision_form import DecisionForm
from approvals.evidence import Evidence, read, text, words
from approvals.models import Approval, Assignment, Vote
from approvals.rules.audience import BARRED_BECAUSE, Named
from approvals.rules.escalation import end_verdict
from langorch.lib import clock
from tenants.actor import Actor
from tenants.models import User

MOST_DECIDERS = 12
MOST_FILES = 20
ROLE_WORDS = {"approver": "an approver", "admin": "an administrator", "operator": "an operator", "viewer": "a viewer"}
ASKED_WORDS = {
    "approver": "the approvers",
    "admin": "the administrators",
    "operator": "the operators",
    "viewer": "the viewers",
}
END_WORDS = {
    "approved": "it is approved by itself",
    "rejected": "it is rejected by itself",
    "timeout": "it ends without a decision",
}
STEP_WORDS = {"reassign": "it goes to {}", "add": "it goes to {} too", "notify": "a mail goes to {}"}
TURN_WORDS = {
    "first": "Asked {}",
    "reassign": "Handed on to {}",
    "add": "Asked {} too",
    "notify": "Told {}",
    "fallback": "Handed to {}, because nobody else may decide",
}
OUTCOME_WORDS = {
    Status.PENDING: "Not decided yet",
    Status.APPROVED: "Approved",
    Status.REJECTED: "Rejected",
    Status.TIMEOUT: "Ended without a decision",
    Status.CANCELLED: "Withdrawn",
}
ENDED_BECAUSE = {
    Status.TIMEOUT: "Nobody decided in time.",
    Status.CANCELLED: "Nothing waits for it any more.",
}
VERDICT_WORDS = {"approved": "approved", "rejected": "rejected"}
VIA_WORDS = {Via.MAIL: "through the mail", Via.API: "from another program", Via.SYSTEM: "by itself"}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of what happened."""

    text: str
    at: datetime | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """A variable that the decider corrected."""

    label: str
    before: str
    after: str


class ApprovalPage:
    """One question for one reader, called `reader`. `form` is the one that came back with faults, else a fresh one."""

    def __init__(self, actor: Actor, approval: Approval, form: DecisionForm | None = None, reader: str = "") -> None:
        self.approval = approval
        self.reader = reader
        self.version = selectors.version(approval)
        self._actor = actor
        self._given = form

    @cached_property
    def form(self) -> DecisionForm:
        return self._given or DecisionForm(self.approval)

    @cached_property
    def evidence(self) -> Evidence:
        return read(self.approval.context_data)

    @cached_property
    def files(self) -> list[Any]:
        """What can be shown of the files among the evidence."""
        wanted = self.evidence.files
        return ports.runs().files(self._actor, self.approval, wanted[:MOST_FILES]) if wanted else []

    @cached_property
    def is_open(self) -> bool:
        return self.approval.status == Status.PENDING

    @cached_property
    def refusal(self) -> str:
        """Why the reader cannot decide now; empty when they can."""
        answer = selectors.can_decide(self._actor, self.approval, selectors.group_names(self._actor))
        return "" if answer is True else str(answer)

    @cached_property
    def addressees(self) -> str:
        """Whom the question waits for: "finance", "an approver", "Marit Solberg or Priya Nair"."""
        return _list((_name(row, ROLE_WORDS) for row in self._assigned), "or")

    @cached_property
    def _assigned(self) -> list[Assignment]:
        return [row for row in self.approval.assignments.all() if row.kind != AssignmentKind.BARRED]

    @property
    def waiting_words(self) -> str:
        return f"Waiting for {self.addressees}"

    @property
    def outcome_words(self) -> str:
        """How it ended, as a heading."""
        outcome = OUTCOME_WORDS[Status(self.approval.status)]
        decided = self.approval.status in (Status.APPROVED, Status.REJECTED)
        return f"{outcome} by itself at the due time" if self.by_itself and decided else outcome

    @property
    def ended_because(self) -> str:
        """Why it ended without a decision; empty when there is one."""
        return ENDED_BECAUSE.get(Status(self.approval.status), "")

    @property
    def urgency(self) -> str:
        """Overdue, or waiting for a person."""
        return "overdue" if selectors.is_overdue(self.approval) else "soon"

    @cached_property
    def _deciders(self) -> list[User]:
        found = selectors.deciders(self.approval, self.approval.assignments.all())
        return list(found.order_by("full_name", "username")[: MOST_DECIDERS + 1])

    @property
    def deciders(self) -> list[User]:
        return self._deciders[:MOST_DECIDERS]

    @property
    def more_deciders(self) -> bool:
        return len(self._deciders) > MOST_DECIDERS

    @property
    def hint(self) -> str:
        """Who else may decide, in one line."""
        others = sum(user.pk != self._actor.user_id for user in self._deciders)
        if self.needed > 1:
            return f"{self.have} of {self.needed} agree so far."
        if others == 0:
            return "Nobody else may decide."
        many = f"More than {MOST_DECIDERS - 1}" if self.more_deciders else str(others)
        return f"{many} other{'s' if others > 1 else ''} may decide. The first one counts."

    @property
    def me(self) -> Any:
        return self._actor.user_id

    @cached_property
    def barred(self) -> list[tuple[str, str]]:
        """Who may not decide, and why."""
        rows = [row for row in self.approval.assignments.all() if row.kind == AssignmentKind.BARRED]
        return [(str(row.user), BARRED_BECAUSE.get(row.reason, "is excluded")) for row in rows]

    @cached_property
    def votes(self) -> list[Vote]:
        return list(self.approval.votes.all())

    @property
    def needed(self) -> int:
        """How many people have to approve."""
        need: int = self.approval.rules["min_approvers"]
        return need

    @property
    def have(self) -> int:
        return selectors.approving_votes(self.approval)

    @cached_property
    def chosen(self) -> str:
        """The label of the option that was chosen."""
        value = self.approval.selected_option
        return self._label(value) if value is not None else ""

    def _label(self, value: str) -> str:
        return next((option["label"] for option in self.approval.options if option["value"] == value), value)

    @property
    def by_itself(self) -> bool:
        return self.approval.via == Via.SYSTEM

    @cached_property
    def input(self) -> Evidence:
        """What was filled in."""
        return read(self.approval.decision_payload or {})

    @cached_property
    def corrections(self) -> list[Correction]:
        edits = selectors.corrections(self.approval)
        return [_correction(part, edits[part["name"]]) for part in self.approval.editable if part["name"] in edits]

    @cached_property
    def history(self) -> list[Moment]:
        """What happened so far, oldest first."""
        told = self.approval.notices.filter(state=NoticeState.SENT).count()
        mails = [Moment(f"Told {told} {'person' if told == 1 else 'people'} by mail")] if told else []
        votes = [
            Moment(f"{vote.user or vote.name} {self._voted(vote)}", vote.created_at, vote.comment)
            for vote in self.votes
        ]
        first, *later = self._asked()
        turns = sorted([*later, *votes], key=lambda moment: moment.at or self.approval.created_at)
        return [first, *mails, *turns, *self._end()]

    def _asked(self) -> list[Moment]:
        """Who was asked first, and then in turn."""
        if noted := self.approval.rules.get("asked"):
            return [_turn(entry) for entry in noted]
        asked = _list(_name(row, ASKED_WORDS) for row in self._assigned)
        return [Moment(f"Asked {asked}", self.approval.created_at)]

    def _voted(self, vote: Vote) -> str:
        if vote.verdict == Verdict.APPROVED and vote.selected_option is not None:
            return f"chose {self._label(vote.selected_option)}"
        named = [words(part["label"], False) for part in self.approval.editable if part["name"] in vote.edits]
        return VERDICT_WORDS[vote.verdict] + (f" and corrected {_list(named)}" if named else "")

    def _end(self) -> list[Moment]:
        if self.by_itself:
            decided = self.approval.status != Status.TIMEOUT
            words = f"{self.approval.get_status_display()} by itself" if decided else OUTCOME_WORDS[Status.TIMEOUT]
            return [Moment(words, self.approval.decided_at)]
        if self.approval.status == Status.CANCELLED:
            return [Moment("Withdrawn: nothing waits for it any more", self.approval.updated_at)]
        return []

    @cached_property
    def ahead(self) -> Moment | None:
        """What happens by itself if nobody decides."""
        move = selectors.next_move_of(self.approval) if self.is_open else None
        if move is None:
            return None
        if move.step is None:
            return Moment(END_WORDS[end_verdict(self.approval.rules["timeout_action"])], move.at)
        step = selectors.escalation_steps(self.approval)[move.step]
        return Moment(STEP_WORDS[step.mode].format(_names(step.to)), move.at)

    @cached_property
    def via(self) -> str:
        return VIA_WORDS.get(Via(self.approval.via), "") if self.approval.via else ""

    @cached_property
    def decided_by(self) -> str:
        """The person's own name where it is known."""
        last = next((vote for vote in reversed(self.votes) if vote.name == self.approval.decided_by), None)
        return str(last.user) if last and last.user else self.approval.decided_by

    @cached_property
    def earlier(self) -> list[Approval]:
        return selectors.earlier(self._actor, self.approval)

    @property
    def now(self) -> datetime:
        return clock.now()


def _correction(part: Mapping[str, Any], after: Any) -> Correction:
    if part.get("hidden"):
        return Correction(words(part["label"]), "the hidden one", "Another value")
    return Correction(words(part["label"]), text(part["name"], part["value"]), text(part["name"], after))


def _turn(entry: Mapping[str, Any]) -> Moment:
    """One line of who was asked."""
    roles = [ASKED_WORDS.get(role, role) for role in entry["roles"]]
    names = _list([*entry["users"], *entry["groups"], *roles]) or "nobody"
    return Moment(TURN_WORDS[entry["mode"]].format(names), datetime.fromisoformat(entry["at"]))


def _name(row: Assignment, roles: Mapping[str, str]) -> str:
    if row.kind == AssignmentKind.USER:
        return str(row.user)
    if row.kind in (AssignmentKind.ROLE, AssignmentKind.FALLBACK):
        return roles.get(row.name, row.name)
    return row.name


def _list(names: Iterable[str], word: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    *most, last = list(names) or [""]
    return f"{', '.join(most)} {word} {last}" if most else last


def _names(named: Named) -> str:
    roles = (ASKED_WORDS.get(role, role) for role in sorted(named.roles))
    return _list([*sorted(named.users), *sorted(named.groups), *roles])
