"""Writing down who is asked."""

from approvals import selectors
from approvals.choices import AssignmentKind
from approvals.models import Approval, Assignment
from approvals.rules.audience import Named
from tenants.models import User


def ask(approval: Approval, named: Named) -> None:
    """Add the people, groups and roles of `named`. Names that nobody of this place has are left out."""
    people = selectors.people_named(approval, Named(users=named.users))
    rows = [_row(approval, AssignmentKind.USER, user.username, user) for user in people]
    rows += [_row(approval, AssignmentKind.GROUP, name) for name in sorted(named.groups)]
    rows += [_row(approval, AssignmentKind.ROLE, name) for name in sorted(named.roles)]
    Assignment.system.bulk_create(rows, ignore_conflicts=True)


def ask_administrators(approval: Approval) -> None:
    """Let the administrators of the place decide, because nobody else can."""
    Assignment.system.bulk_create([_row(approval, AssignmentKind.FALLBACK, "admin")], ignore_conflicts=True)


def ask_nobody(approval: Approval) -> None:
    """Take back who is asked; who is barred stays barred."""
    Assignment.system.filter(approval=approval).exclude(kind=AssignmentKind.BARRED).delete()


def _row(approval: Approval, kind: AssignmentKind, name: str, user: User | None = None) -> Assignment:
    return Assignment(tenant_id=approval.tenant_id, approval=approval, kind=kind, name=name[:150], user=user)
