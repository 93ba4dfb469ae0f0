"""Taking slots away from those who hold them, and limiting how many there are."""

from django.db import transaction

from agents import leases, ports
from agents.models import AgentLease, ResourceLimit
from tenants import audit
from tenants.actor import Actor


@transaction.atomic
def release_lease(actor: Actor, lease: AgentLease, reason: str = "") -> bool:
    """End a lease; the step in it is tried elsewhere. False when it had ended before. Raises `Denied`."""
    actor.require("agents.admin", lease.agent)
    ports.waiters().tell_revoked(lease, actor.name)
    if not leases.release(lease.pk, lease.agent_id, actor.name):
        transaction.set_rollback(True)
        return False
    text = f"Lease of {lease} released" + (f": {reason}" if reason else "")
    audit.record(actor, "agent.release_lease", text, resource=("lease", lease.pk))
    return True


@transaction.atomic
def save_resource_limit(actor: Actor, limit: ResourceLimit) -> None:
    """Store how many leases a resource may have. Raises `Denied`."""
    actor.require("agents.admin")
    limit.tenant_id = actor.tenant_id
    limit.save()
    text = f"Resource {limit.resource_key} is limited to {limit.concurrency_limit}"
    audit.record(actor, "resource.limit", text, resource=("resource", limit.resource_key))
