"""Who acts: a person in one tenant, with what they may do there."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from django.db.models import Q

from langorch.lib.errors import Denied
from tenants.choices import Capability
from tenants.permissions import GRANTED_BY, PERMISSIONS

if TYPE_CHECKING:
    from tenants.models import Project

SYSTEM_NAME = "system"


class Owned(Protocol):
    """A row that belongs to a tenant and perhaps to a project."""

    @property
    def tenant_id(self) -> UUID: ...

    @property
    def project_id(self) -> UUID | None: ...


@dataclass(frozen=True)
class Actor:
    """An identity in one tenant. `name` goes into audit rows and `…_by` fields.

    `everywhere` are the capabilities on the whole tenant, `by_project` those on single projects, `places` the rows of
    those projects with their tenant, where they were read.
    `key_id` is set for API keys, which never decide an approval.
    """

    name: str
    tenant_id: UUID
    user_id: UUID | None = None
    everywhere: frozenset[str] = frozenset()
    by_project: dict[UUID, frozenset[str]] = field(default_factory=dict)
    places: tuple["Project", ...] = field(default=(), repr=False, compare=False)
    platform: bool = False
    key_id: str | None = None
    address: str = ""
    via: str = "system"

    def may(self, permission: str, thing: Owned | None = None) -> bool:
        """Whether `permission` holds on `thing`; without one, anywhere in the tenant."""
        capability = PERMISSIONS[permission]
        if thing is None:
            return self.holds(capability) or bool(self.projects_with(capability))
        if thing.tenant_id != self.tenant_id:
            return False
        return self.holds(capability) or (
            thing.project_id is not None and capability in self.by_project.get(thing.project_id, frozenset())
        )

    def require(self, permission: str, thing: Owned | None = None) -> None:
        """Raise `Denied` unless `permission` holds on `thing`."""
        if not self.may(permission, thing):
            raise Denied(permission, GRANTED_BY[PERMISSIONS[permission]])

    def holds(self, capability: str) -> bool:
        """Whether `capability` is held on the whole tenant."""
        return self.platform or capability in self.everywhere

    def projects_with(self, capability: str) -> list[UUID]:
        """The single projects on which `capability` is held."""
        return [project for project, held in self.by_project.items() if capability in held]

    def scope(self, project_path: str, capability: str = Capability.VIEW) -> Q:
        """The filter of rows this actor holds `capability` on; `project_path` leads to their project."""
        inside = Q(tenant_id=self.tenant_id)
        if self.holds(capability):
            return inside
        lookup = f"{project_path}_id__in" if project_path else "pk__in"
        return inside & Q(**{lookup: self.projects_with(capability)})

    def whole_tenant(self, capability: str) -> Q:
        """The filter of rows that belong to no project: all of the tenant's, or none."""
        return Q(tenant_id=self.tenant_id) if self.holds(capability) else Q(pk__in=[])


def system(tenant_id: UUID, name: str = SYSTEM_NAME) -> Actor:
    """The system itself: timers, beat, workers."""
    every: frozenset[Any] = frozenset(Capability.values)
    return Actor(name=name, tenant_id=tenant_id, everywhere=every)
