"""Reading approvals: who sees them, who may decide them, what waits for somebody."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery

from approvals import ports
from approvals.choices import AssignmentKind, Status, Verdict
from approvals.evidence import artifacts_in
from approvals.models import Approval, Assignment, Vote
from approvals.rules.answers import Question
from approvals.rules.audience import REASONS, Audience, Named, Person, refusal
from approvals.rules.escalation import Move, Step, next_move
from langorch.lib import clock
from langorch.lib.counting import CountUpTo
from langorch.lib.errors import NotFound
from langorch.lib.redaction import REDACTED
from tenants import selectors as people
from tenants.actor import Actor
from tenants.choices import Capability, Role
from tenants.models import Tenant, User

ROLE_CAPABILITY = {
    Role.APPROVER: Capability.DECIDE,
    Role.ADMIN: Capability.ADMINISTER,
    Role.OPERATOR: Capability.OPERATE,
    Role.VIEWER: Capability.VIEW,
}


def visible_to(actor: Actor) -> QuerySet[Approval]:
    """The approvals `actor` may see: all of the places they may view, and those they were asked or voted on."""
    seen = actor.scope("project", Capability.VIEW) | _asked(actor) | Q(Exists(_votes_of(actor)))
    return Approval.objects.filter(Q(tenant_id=actor.tenant_id) & seen).marked_scoped()


def waiting_for_me(actor: Actor) -> QuerySet[Approval]:
    """The open approvals `actor` may decide and has not voted on, the first due first."""
    barred = Assignment.system.filter(approval=OuterRef("pk"), kind=AssignmentKind.BARRED, user=_user(actor))
    rows = Approval.objects.filter(_asked(actor), tenant_id=actor.tenant_id, status=Status.PENDING)
    rows = rows.exclude(Exists(barred)).exclude(Exists(_votes_of(actor)))
    return rows.order_by("due_order", "pk").marked_scoped()


def in_person(actor: Actor) -> QuerySet[Approval]:
    """Those of `waiting_for_me` that ask `actor` by name or by role."""
    return waiting_for_me(actor).filter(_asked_in_person(actor))


def in_groups(actor: Actor) -> QuerySet[Approval]:
    """Those of `waiting_for_me` that ask `actor` only as a member of a group."""
    return waiting_for_me(actor).exclude(_asked_in_person(actor))


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for one person: in all, in person, only through groups; and when the first is due."""

    number: int
    in_person: int
    first_due: datetime | None

    @property
    def in_groups(self) -> int:
        return self.number - self.in_person


def waiting_summary(actor: Actor, project_id: UUID | None = None) -> Waiting:
    """The figures of `waiting_for_me`, perhaps of one project alone, in one query."""
    rows = waiting_for_me(actor).order_by()
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    found = rows.aggregate(
        number=Count("pk"), in_person=Count("pk", filter=_asked_in_person(actor)), first_due=Min("expires_at")
    )
    return Waiting(**found)


def decided(actor: Actor) -> QuerySet[Approval]:
    """The closed approvals that `actor` may see, the latest first."""
    return visible_to(actor).exclude(status=Status.PENDING).order_by("-updated_at", "-pk")


def waiting_count(actor: Actor) -> int:
    """How many decisions wait for `actor`."""
    return waiting_for_me(actor).count()


class InboxState(NamedTuple):
    """The number in the head of every page, and the version of the inbox it belongs to."""

    waiting: int
    version: int


def inbox_state(actor: Actor) -> InboxState:
    """How many decisions wait for `actor`, and in which state of the inbox; one query."""
    changed = Approval.system.filter(tenant=OuterRef("pk")).order_by("-updated_at").values("updated_at")[:1]
    row = (
        Tenant.objects.filter(pk=actor.tenant_id)
        .annotate(waiting=CountUpTo(waiting_for_me(actor)), changed=Subquery(changed))
        .values_list("waiting", "changed")
        .get()
    )
    return InboxState(row[0] or 0, _microseconds(row[1]))


def approval_for(actor: Actor, approval_id: UUID | str) -> Approval:
    """One approval with all that its page shows. Raises `NotFound` when the actor may not see it."""
    found = with_details(visible_to(actor)).filter(pk=approval_id).first()
    if found is None:
        raise NotFound("There is no such approval, or it is not for you.")
    return found


def with_details(rows: QuerySet[Approval]) -> QuerySet[Approval]:
    """Load what a list or a page shows of each approval, at a constant number of queries."""
    return rows.select_related("project").prefetch_related("assignments__user", "votes__user")


def inbox_version(actor: Actor) -> int:
    """A number that grows with every change of an approval of the tenant: microseconds since 1970."""
    latest = Approval.system.filter(tenant_id=actor.tenant_id).aggregate(at=Max("updated_at"))["at"]
    return _microseconds(latest)


def version(approval: Approval) -> int:
    """A number that grows with every change of `approval`: microseconds since 1970."""
    return _microseconds(approval.updated_at)


def earlier(actor: Actor, approval: Approval, limit: int = 3) -> list[Approval]:
    """The latest decisions on the same question of the procedure that `actor` may see."""
    same = decided(actor).filter(procedure_id=approval.procedure_id, node_id=approval.node_id)
    return list(same.filter(status__in=[Status.APPROVED, Status.REJECTED]).exclude(pk=approval.pk)[:limit])


def question(approval: Approval) -> Question:
    """What answers are checked against."""
    return Question(
        decision_type=approval.decision_type,
        options=tuple(option["value"] for option in approval.options),
        form=approval.form,
        editable={field["name"]: field["schema"] for field in approval.editable},
        comment_required=approval.rules.get("comment_required", "on_reject"),
    )


def audience(approval: Approval) -> Audience:
    """Who is asked, and who is barred."""
    rows = list(approval.assignments.all())
    return Audience(
        users=frozenset(row.user_id for row in rows if row.kind == AssignmentKind.USER and row.user_id),
        groups=_names(rows, AssignmentKind.GROUP),
        roles=_names(rows, AssignmentKind.ROLE),
        barred={row.user_id: row.reason for row in rows if row.kind == AssignmentKind.BARRED and row.user_id},
        administrators=any(row.kind == AssignmentKind.FALLBACK for row in rows),
    )


def group_names(actor: Actor) -> frozenset[str]:
    """The groups `actor` is in. One query: read it once for a list."""
    if actor.user_id is None:
        return frozenset()
    return frozenset(Group.objects.filter(user=actor.user_id).values_list("name", flat=True))


def person(actor: Actor, approval: Approval, groups: frozenset[str]) -> Person:
    """`actor` as seen from `approval`."""
    held = frozenset(str(role) for role, capability in ROLE_CAPABILITY.items() if _holds(actor, capability, approval))
    return Person(actor.user_id, groups, held, is_program=actor.key_id is not None)


def refusal_for(actor: Actor, approval: Approval, groups: frozenset[str]) -> str | None:
    """Why `actor` may not decide `approval` (a code of `rules.audience.REASONS`), or None."""
    return refusal(audience(approval), person(actor, approval, groups))


def shows(actor: Actor, run_id: UUID, artifact_id: UUID) -> bool:
    """Whether an artifact of a run is evidence of a question that `actor` may see."""
    asked = visible_to(actor).filter(run_id=run_id).values_list("context_data", flat=True)
    return any(str(artifact_id) in artifacts_in(context) for context in asked)


def can_decide(actor: Actor, approval: Approval, groups: frozenset[str]) -> bool | str:
    """True, or the sentence why `actor` cannot decide `approval` now."""
    if approval.status == Status.CANCELLED:
        return "This question was withdrawn."
    if approval.status != Status.PENDING:
        return "This is decided already."
    if any(vote.user_id == actor.user_id for vote in approval.votes.all()):
        return "You have decided this already; other people are needed."
    code = refusal_for(actor, approval, groups)
    return True if code is None else REASONS[code]


def deciders(approval: Approval, assigned: Iterable[Assignment] | None = None) -> QuerySet[User]:
    """The people who may decide `approval` now; `assigned` saves reading who is asked."""
    rows = list(Assignment.system.filter(approval=approval) if assigned is None else assigned)
    named = Named(groups=_names(rows, AssignmentKind.GROUP), roles=_names(rows, AssignmentKind.ROLE))
    users = [row.user_id for row in rows if row.kind == AssignmentKind.USER and row.user_id]
    found = Q(pk__in=users) | _reached(approval, named)
    found &= Q(pk__in=_holders(Capability.DECIDE, approval))
    if any(row.kind == AssignmentKind.FALLBACK for row in rows):
        found |= Q(pk__in=_holders(Capability.ADMINISTER, approval))
    barred = [row.user_id for row in rows if row.kind == AssignmentKind.BARRED and row.user_id]
    return User.objects.filter(found, is_active=True).exclude(pk__in=barred)


def people_named(approval: Approval, named: Named) -> QuerySet[User]:
    """The members of the approval's place whom `named` means, whether they may decide or not."""
    by_name = Q(username__in=named.users)
    for name in named.users:
        if "@" in name:
            by_name |= Q(email__iexact=name)
    members = Q(pk__in=_holders(Capability.VIEW, approval)) | Q(pk__in=_holders(Capability.DECIDE, approval))
    return User.objects.filter(by_name | _reached(approval, named), members, is_active=True).order_by("username")


def deciders_named(approval: Approval, named: Named) -> QuerySet[User]:
    """Those of `people_named` who might decide, if they were asked."""
    barred = Assignment.system.filter(approval=approval, kind=AssignmentKind.BARRED).values("user_id")
    approvers = _holders(Capability.DECIDE, approval)
    return people_named(approval, named).filter(pk__in=approvers).exclude(pk__in=barred)


def run_statuses(approvals: Iterable[Approval]) -> dict[UUID, str]:
    """The present status of each approval's run."""
    return ports.runs().statuses({approval.run_id for approval in approvals})


def escalation_steps(approval: Approval) -> list[Step]:
    """The steps of the escalation, in order."""
    return [
        Step(
            to=Named(frozenset(step["users"]), frozenset(step["groups"]), frozenset(step["roles"])),
            mode=step["mode"],
            after=step["after"],
            before_due=step["before_due"],
        )
        for step in approval.rules["escalation"]
    ]


def next_move_of(approval: Approval) -> Move | None:
    """What the system does next by itself with an open approval, or None."""
    return next_move(
        escalation_steps(approval),
        approval.rules["escalated"],
        approval.created_at,
        approval.expires_at,
        approval.rules["timeout_action"],
    )


def approving_votes(approval: Approval) -> int:
    """How many people want the same approval; votes for different options do not add up."""
    options = [vote.selected_option for vote in approval.votes.all() if vote.verdict == Verdict.APPROVED]
    return max((options.count(option) for option in options), default=0)


def corrections(approval: Approval) -> dict[str, Any]:
    """The corrected variables: as decided, else as those who have approved so far want them, the last word counting."""
    if approval.status != Status.PENDING:
        return dict(approval.edits)
    votes = [vote for vote in approval.votes.all() if vote.verdict == Verdict.APPROVED]
    return {name: value for vote in votes for name, value in vote.edits.items()}


def corrections_shown(approval: Approval) -> dict[str, Any]:
    """The same, hidden values masked."""
    hidden = {part["name"] for part in approval.editable if part.get("hidden")}
    return {name: REDACTED if name in hidden else value for name, value in corrections(approval).items()}


def is_overdue(approval: Approval) -> bool:
    """Whether an open approval is past its due time."""
    return approval.status == Status.PENDING and approval.expires_at is not None and approval.expires_at <= clock.now()


def _microseconds(moment: datetime | None) -> int:
    """Since 1970; 0 for no moment."""
    return int(moment.timestamp() * 1_000_000) if moment else 0


def _names(rows: Sequence[Assignment], kind: AssignmentKind) -> frozenset[str]:
    return frozenset(row.name for row in rows if row.kind == kind)


def _holds(actor: Actor, capability: Capability, approval: Approval) -> bool:
    """Whether somebody granted `capability` there: running the installation does not make an approver."""
    granted = capability in actor.everywhere or approval.project_id in actor.projects_with(capability)
    return granted and actor.tenant_id == approval.tenant_id


def _granted(actor: Actor, capability: Capability) -> Q:
    """The rows of `_holds`, as a filter."""
    inside = Q(tenant_id=actor.tenant_id)
    if capability in actor.everywhere:
        return inside
    return inside & Q(project_id__in=actor.projects_with(capability))


def _holders(capability: Capability, approval: Approval) -> QuerySet[User, Any]:
    return people.people_with(capability, approval.tenant_id, approval.project_id).values("pk")


def _reached(approval: Approval, named: Named) -> Q:
    reached = Q(pk__in=User.objects.filter(groups__name__in=named.groups).values("pk"))
    for role in named.roles & set(Role.values):
        reached |= Q(pk__in=_holders(ROLE_CAPABILITY[Role(role)], approval))
    return reached


def _votes_of(actor: Actor) -> QuerySet[Vote]:
    return Vote.system.filter(approval=OuterRef("pk"), user=_user(actor))


def _user(actor: Actor) -> UUID:
    """The person behind `actor`, as a value that matches no row when there is none."""
    return actor.user_id or UUID(int=0)


def _asked(actor: Actor) -> Q:
    """Approvals whose audience `actor` belongs to, four eyes and votes aside."""
    if actor.user_id is None or actor.key_id is not None:
        return Q(pk__in=[])
    mine = Group.objects.filter(user=actor.user_id).values("name")
    by_group = _assigned(Q(kind=AssignmentKind.GROUP, name__in=mine))
    fallback = _assigned(Q(kind=AssignmentKind.FALLBACK)) & _granted(actor, Capability.ADMINISTER)
    decides = _granted(actor, Capability.DECIDE)
    return (decides & (by_group | _by_name_or_role(actor))) | fallback


def _asked_in_person(actor: Actor) -> Q:
    fallback = _assigned(Q(kind=AssignmentKind.FALLBACK)) & _granted(actor, Capability.ADMINISTER)
    return _by_name_or_role(actor) | fallback


def _by_name_or_role(actor: Actor) -> Q:
    by_name = _assigned(Q(kind=AssignmentKind.USER, user=_user(actor)))
    by_role = [
        _assigned(Q(kind=AssignmentKind.ROLE, name=role)) & _granted(actor, capability)
        for role, capability in ROLE_CAPABILITY.items()
    ]
    return reduce(or_, by_role, by_name)


def _assigned(which: Q) -> Q:
    return Q(Exists(Assignment.system.filter(which, approval=OuterRef("pk"))))


def times_asked(run_id: UUID, path: str) -> int:
    """How often a visit of a run has asked so far; one that is entered again after a failure asks anew."""
    return Approval.system.filter(run_id=run_id, path=path).count()
