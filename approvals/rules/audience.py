"""Who is asked, and who may not decide although they are asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

APPROVER = "approver"
ADMINISTRATOR = "admin"

REASONS = {
    "key_cannot_decide": "A program cannot decide; a person has to.",
    "permission_denied": "Only people with the role approver may decide this.",
    "four_eyes": "Somebody else has to decide this.",
    "not_an_approver": "You are not among the people who were asked.",
}
BARRED_BECAUSE = {
    "initiator": "asked for this",
    "decided_before": "decided an earlier step",
    "publisher": "published this procedure",
}


@dataclass(frozen=True, slots=True)
class Named:
    """Addressees as a document names them: user names or mail addresses, groups, roles."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.users or self.groups or self.roles)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is asked. `barred` gives the reason for each person that four eyes exclude (a key of `BARRED_BECAUSE`).

    `administrators` means that nobody else was found, so the administrators of the place may decide.
    """

    users: frozenset[UUID] = frozenset()
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    barred: Mapping[UUID, str] = field(default_factory=lambda: MappingProxyType({}))
    administrators: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as seen from one question: their groups, and the roles they hold on its project or tenant."""

    user_id: UUID | None
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    is_program: bool = False


def named(names: Iterable[str]) -> Named:
    """Sort `names` such as "mia", "mia@example.com", "group:finance", "role:approver"."""
    users: set[str] = set()
    groups: set[str] = set()
    roles: set[str] = set()
    for name in names:
        kind, separator, rest = name.strip().partition(":")
        if separator and kind == "group":
            groups.add(rest.strip())
        elif separator and kind == "role":
            roles.add(rest.strip())
        elif name.strip():
            users.add(name.strip())
    return Named(frozenset(users), frozenset(groups), frozenset(roles))


def refusal(audience: Audience, person: Person) -> str | None:
    """Why `person` may not decide (a key of `REASONS`), or None when they may."""
    if person.is_program or person.user_id is None:
        return "key_cannot_decide"
    if APPROVER not in person.roles and not _administers(audience, person):
        return "permission_denied"
    if person.user_id in audience.barred:
        return "four_eyes"
    return None if _is_asked(audience, person) else "not_an_approver"


def _administers(audience: Audience, person: Person) -> bool:
    return audience.administrators and ADMINISTRATOR in person.roles


def _is_asked(audience: Audience, person: Person) -> bool:
    return (
        person.user_id in audience.users
        or bool(person.groups & audience.groups)
        or bool(person.roles & audience.roles)
        or _administers(audience, person)
    )
