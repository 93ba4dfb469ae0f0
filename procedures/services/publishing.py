"""Which version a channel uses."""

from collections.abc import Sequence

from langorch.lib import clock
from langorch.lib.errors import Conflict
from procedures.choices import Channel, VersionStatus
from procedures.ckp.problems import Problem
from procedures.models import CurrentVersion, ProcedureVersion
from tenants.actor import Actor
from tenants.models import Project


def blocking(project: Project | None, problems: Sequence[Problem]) -> list[Problem]:
    """The problems that a project does not let pass when publishing (its setting `errors_on`)."""
    raised = project.settings.get("errors_on", []) if project else []
    return [problem for problem in problems if problem.code in raised]


def make_current_in_dev(actor: Actor, version: ProcedureVersion) -> None:
    """Let channel dev use `version`; the one it replaces stays active. Call inside the transaction."""
    CurrentVersion.system.update_or_create(
        procedure_id=version.procedure_id,
        channel=Channel.DEV,
        defaults={
            "tenant_id": version.tenant_id,
            "version": version,
            "promoted_from_version": "",
            "promoted_by": actor.name,
            "promoted_at": clock.now(),
        },
    )


def withdraw(version: ProcedureVersion, to: VersionStatus) -> None:
    """Take a version that becomes `to` out of channel dev.

    Raises `Conflict` (in_use) while qa or prod use it: another must take its place first.
    """
    current = CurrentVersion.system.filter(version=version)
    released = [row.channel for row in current if row.channel != Channel.DEV]
    if released:
        where = " and ".join(released)
        raise Conflict(f"{version} is current in {where}; it becomes {to} after another took its place.", code="in_use")
    current.delete()
