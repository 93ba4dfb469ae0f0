"""Writing down who is asked."""

from approvals import selectors
from approvals.choices import AssignmentKind
from approvals.models import Approval, Assignment
from approvals.rules.audience import ADMINISTRATOR, Named
from langorch.lib import clock
from tenants.models import User


def ask(approval: Approval, named: Named) -> None:
    """Add the people, groups and roles of `named`. Names that nobody of this place has are left out."""
    people = selectors.people_named(approval, Named(users=named.users))
    rows = [_row(approval, AssignmentKind.USER, user.username, user) for user in people]
    rows += [_row(approval, AssignmentKind.GROUP, name) for name in sorted(named.groups)]
    rows += [_row(approval, AssignmentKind.ROLE, name) for name in sorted(named.roles)]
    Assignment.system.bulk_create(rows, ignore_conflicts=True)


def note(approval: Approval, mode: str, named: Named) -> None:
    """Remember that `named` are asked from now on; `mode` is first, or how an escalation reaches them."""
    users = {user.username: str(user) for user in selectors.people_named(approval, Named(users=named.users))}
    entry = {
        "at": clock.now().isoformat(),
        "mode": mode,
        "users": [*users.values(), *sorted(name for name in named.users if "@" not in name and name not in users)],
        "groups": sorted(named.groups),
        "roles": sorted(named.roles),
    }
    approval.rules["asked"].append(entry)


def ask_administrators(approval: Approval) -> None:
    """Let the administrators of the place decide, because nobody else can."""
    Assignment.system.bulk_create([_row(approval, AssignmentKind.FALLBACK, ADMINISTRATOR)], ignore_conflicts=True)


def ask_nobody(approval: Approval) -> None:
    """Take back who is asked; who is barred stays barred."""
    Assignment.system.filter(approval=approval).exclude(kind=AssignmentKind.BARRED).delete()


def _row(approval: Approval, kind: AssignmentKind, name: str, user: User | None = None) -> Assignment:
    return Assignment(tenant_id=approval.tenant_id, approval=approval, kind=kind, name=name[:150], user=user)
