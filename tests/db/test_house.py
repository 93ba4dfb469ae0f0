"""The house that tests live in holds what the services would have stored."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from guardian.models import GroupObjectPermission

from tenants import services
from tenants.actor import system
from tenants.models import AuditEntry, Membership
from tests.people import House

UNLIKE = {"id", "ts", "created_at", "resource_id"}


def rights() -> dict[str, Any]:
    """Who holds what where, and what the trail tells of it: all but keys and moments."""
    names = {str(membership.pk): str(membership) for membership in Membership.system.all()}
    entries = list(AuditEntry.system.order_by("ts").values())
    held = GroupObjectPermission.objects.values_list("group__name", "permission__codename", "content_type", "object_pk")
    return {
        "memberships": _but_keys(Membership.system.order_by("created_at").values()),
        "groups": sorted(Group.objects.values_list("name", "user__username")),
        "permissions": sorted(held),
        "entries": _but_keys(entries),
        "told of": [names[entry["resource_id"]] for entry in entries],
    }


def _but_keys(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in UNLIKE} for row in rows]


def test_the_house_is_what_granting_each_role_would_have_stored(house: House) -> None:
    at_once = rights()
    for kind in (Membership.system, AuditEntry.system, Group.objects):
        kind.all().delete()
    for who, role, place in house.grants():
        services.grant_role(system(place.tenant_id), who, role, place)
    assert rights() == at_once
    assert len(at_once["entries"]) == len(house.grants())
