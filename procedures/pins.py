"""Which version of a procedure a subflow's reference takes now (CKP 2.11)."""

from uuid import UUID

from langorch.lib.errors import Conflict, NotFound
from procedures.ckp.bind.children import resolve
from procedures.ckp.versions import read_pin
from procedures.models import ProcedureVersion
from procedures.registry import TenantRegistry
from procedures.selectors import takes_effect_later


def version_for_pin(tenant_id: UUID, procedure_id: str, pin: str, channel: str) -> str:
    """The version that `pin` takes in a channel.

    Raises `NotFound` (procedure_not_found), or `Conflict` (procedure_not_runnable) when no version fits or may run yet.
    """
    registry, wanted = TenantRegistry(tenant_id, channel=channel), read_pin(pin)
    versions = registry.versions(procedure_id)
    if not versions:
        raise NotFound(f"There is no procedure {procedure_id}.", code="procedure_not_found")
    later = _later(tenant_id, procedure_id)
    found = resolve(wanted, [one for one in versions if one.version not in later], channel)
    if found is None:
        detail = f"No version of {procedure_id} satisfies {pin} in channel {channel}."
        raise Conflict(detail, code="procedure_not_runnable")
    return found


def _later(tenant_id: UUID, procedure_id: str) -> set[str]:
    """The versions whose day has not come."""
    rows = ProcedureVersion.system.filter(tenant_id=tenant_id, procedure__procedure_id=procedure_id)
    dated = rows.filter(effective_date__isnull=False).select_related("document")
    return {row.version for row in dated if takes_effect_later(row)}
