"""Writing the audit trail: one row beside each change, in its transaction."""

from typing import Any
from uuid import UUID

from langorch.lib import clock
from tenants.actor import Actor
from tenants.models import AuditEntry


def record(
    actor: Actor,
    action: str,
    description: str,
    *,
    resource: tuple[str, object] = ("", ""),
    project_id: UUID | None = None,
    **meta: Any,
) -> AuditEntry:
    """Write that `actor` did `action` (such as `run.start`) to `resource` (type, id). Call inside the transaction."""
    written = entry(actor, action, description, resource=resource, project_id=project_id, **meta)
    written.save(force_insert=True)
    return written


def entry(
    actor: Actor,
    action: str,
    description: str,
    *,
    resource: tuple[str, object] = ("", ""),
    project_id: UUID | None = None,
    **meta: Any,
) -> AuditEntry:
    """The row of a deed, as `record` writes it, not yet stored."""
    return AuditEntry(
        tenant_id=actor.tenant_id,
        project_id=project_id,
        ts=clock.now(),
        category=action.split(".")[0],
        action=action,
        actor=actor.name,
        user_id=actor.user_id,
        via=actor.via,
        address=actor.address,
        description=description[:500],
        resource_type=resource[0],
        resource_id=str(resource[1]),
        meta=meta,
    )
