"""Uncompiled work of the builder, kept beside a version."""

from datetime import datetime
from typing import Any

from django.db import transaction

from langorch.lib import clock
from procedures.models import ProcedureVersion
from tenants import audit
from tenants.actor import Actor


@transaction.atomic
def save_builder_draft(actor: Actor, version: ProcedureVersion, draft: dict[str, Any]) -> datetime:
    """Keep `draft`, which may be incomplete; gives the moment it was kept."""
    actor.require("procedures.edit", version)
    now = clock.now()
    ProcedureVersion.system.filter(pk=version.pk).update(builder_draft=draft, builder_draft_updated_at=now)
    resource = ("procedure_version", version.pk)
    audit.record(actor, "procedure.draft", f"Builder draft of {version} saved", resource=resource)
    return now
