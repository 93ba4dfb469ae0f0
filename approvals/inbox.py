"""The inbox: what waits for one person, in tabs, the first due first."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet

from approvals import selectors
from approvals.choices import Status
from approvals.models import Approval
from approvals.pages import ApprovalPage
from langorch.lib import clock
from tenants.actor import Actor

ROWS = 50
MINE, GROUPS, DECIDED = "mine", "groups", "decided"
EMPTY = {
    MINE: ("No decision waits for you", "When something needs your word, it shows up here and in your mail."),
    GROUPS: ("No decision waits for your groups", "Questions that any member of a group may decide show up here."),
    DECIDED: ("Nothing is decided yet", "Decisions you took, or may see, are kept here."),
}

ENDS = {Status.TIMEOUT: "nobody decided in time", Status.CANCELLED: "nothing waits for it any more"}


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab, as the component draws it."""

    label: str
    url: str
    current: bool
    count: int | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    pk: UUID
    title: str
    second_line: str
    status: str
    expires_at: datetime | None


class Inbox:
    """What `/approvals` shows to `actor` under the query string `query`: tab, a (the selected), after (the page)."""

    def __init__(self, actor: Actor, query: Mapping[str, str]) -> None:
        self._actor = actor
        self._query = query
        self.tab = query["tab"] if query.get("tab") in EMPTY else MINE
        self.version = selectors.inbox_version(actor)
        self._project = _id(query.get("project", ""))

    @cached_property
    def waiting(self) -> selectors.Waiting:
        return selectors.waiting_summary(self._actor, self._project)

    @cached_property
    def tabs(self) -> list[Tab]:
        return [
            self._tab(MINE, "Mine", self.waiting.in_person),
            self._tab(GROUPS, "My groups", self.waiting.in_groups),
            self._tab(DECIDED, "Decided", None),
        ]

    @cached_property
    def _found(self) -> list[Approval]:
        rows = self._in_project(self._rows())
        after = _key(self._query.get("after", ""))
        if after is not None:
            rows = rows.filter(self._beyond(*after))
        return list(rows.select_related("project").prefetch_related("votes__user")[: ROWS + 1])

    @cached_property
    def rows(self) -> list[Row]:
        return [_row(approval) for approval in self._found[:ROWS]]

    @cached_property
    def next_page(self) -> str:
        """The cursor of the next page; empty on the last one."""
        if len(self._found) <= ROWS:
            return ""
        last = self._found[ROWS - 1]
        return _cursor(last.updated_at if self.tab == DECIDED else last.due_order, last.pk)

    @property
    def here(self) -> str:
        """The cursor of this page; empty on the first one."""
        return self._query.get("after", "")

    @property
    def first_is_late(self) -> bool:
        due = self.waiting.first_due
        return due is not None and due <= clock.now()

    @cached_property
    def selected(self) -> ApprovalPage | None:
        """The question of the preview: the one that was chosen, else the first."""
        wanted = self._query.get("a", "")
        chosen = next((row for row in self._found if str(row.pk) == wanted), None)
        if chosen is None and (key := _id(wanted)):
            chosen = selectors.with_details(selectors.visible_to(self._actor)).filter(pk=key).first()
        chosen = chosen or next(iter(self._found), None)
        return ApprovalPage(self._actor, chosen) if chosen else None

    @property
    def empty(self) -> tuple[str, str]:
        return EMPTY[self.tab]

    @property
    def heading(self) -> str:
        number = self.waiting.number
        if number == 0:
            return "No decision waits for you"
        return "1 decision waits for you" if number == 1 else f"{number} decisions wait for you"

    def _rows(self) -> QuerySet[Approval]:
        readers = {MINE: selectors.in_person, GROUPS: selectors.in_groups, DECIDED: selectors.decided}
        return readers[self.tab](self._actor)

    def _in_project(self, rows: QuerySet[Approval]) -> QuerySet[Approval]:
        return rows.filter(project_id=self._project) if self._project else rows

    def _beyond(self, at: datetime, key: UUID) -> Q:
        if self.tab == DECIDED:
            return Q(updated_at__lt=at) | Q(updated_at=at, pk__lt=key)
        return Q(due_order__gt=at) | Q(due_order=at, pk__gt=key)

    def _tab(self, name: str, label: str, count: int | None) -> Tab:
        address = {"tab": name} | ({"project": str(self._project)} if self._project else {})
        tone = "hot" if count and name == self.tab else ""
        return Tab(label, f"?{urlencode(address)}", name == self.tab, count, tone)


def _row(approval: Approval) -> Row:
    return Row(approval.pk, approval.title, _second_line(approval), approval.status, approval.expires_at)


def _second_line(approval: Approval) -> str:
    votes = list(approval.votes.all())
    if approval.status in ENDS:
        return ENDS[Status(approval.status)]
    if approval.status != Status.PENDING:
        return f"by {votes[-1].user or votes[-1].name}" if votes else "by itself at the due time"
    if votes:
        need = approval.rules["min_approvers"]
        return f"{selectors.approving_votes(approval)} of {need} agree, {votes[-1].user} {votes[-1].verdict}"
    return " ".join(approval.prompt.split())


def _cursor(at: datetime, key: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()} {key}".encode()).decode().rstrip("=")


def _key(cursor: str) -> tuple[datetime, UUID] | None:
    """The place that `cursor` names; a damaged one names the beginning."""
    try:
        at, key = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        return datetime.fromisoformat(at), UUID(key)
    except (ValueError, binascii.Error):
        return None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
