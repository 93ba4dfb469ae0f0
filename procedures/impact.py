"""What a change of a version would touch: callers, triggers, open runs and approvals, channels (CKP 6)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count

from approvals.choices import Status
from approvals.models import Approval
from langorch.lib import clock
from procedures import selectors
from procedures.choices import VersionStatus
from procedures.ckp.bind.children import pin_of, resolve
from procedures.ckp.compile import compile_document, load_document
from procedures.ckp.cron import read_schedule
from procedures.ckp.document import Document
from procedures.ckp.document.nodes import SubflowNode
from procedures.ckp.registry import ChildVersion
from procedures.models import ProcedureVersion
from procedures.registry import TenantRegistry
from tenants.actor import Actor

CONTRACT = frozenset({"CKP323", "CKP324", "CKP325", "CKP326"})
MOST_CALLERS = 100


class _WithCandidate(TenantRegistry):
    """The tenant as it would be with one version published: the only one its callers could take."""

    def __init__(self, candidate: ProcedureVersion) -> None:
        super().__init__(candidate.tenant_id, candidate.project)
        self._candidate = candidate

    def versions(self, procedure_id: str) -> Sequence[ChildVersion] | None:
        if procedure_id != self._candidate.procedure.procedure_id:
            return super().versions(procedure_id)
        return [ChildVersion(self._candidate.version, VersionStatus.ACTIVE, frozenset({self.channel}))]


def impact(actor: Actor, version: ProcedureVersion) -> dict[str, Any]:
    """Everything that hangs on `version`, as far as `actor` may see it."""
    document = load_document(version.document.canonical)
    runs = version.procedure.runs.filter(procedure_version=version.version, ended_at=None)
    by_status = _counted(runs, "status")
    return {
        "callers": list(_callers(actor, version)),
        "triggers": _triggers(document),
        "open_runs": {
            "total": sum(by_status.values()),
            "by_status": by_status,
            "by_node": _counted(runs.exclude(last_node_id=""), "last_node_id"),
        },
        "open_approvals": _open_approvals(actor, version),
        "channels": selectors.channels_of(version),
    }


def _callers(actor: Actor, version: ProcedureVersion) -> Iterator[dict[str, Any]]:
    called = version.procedure.procedure_id
    found = ProcedureVersion.objects.visible_to(actor).exclude(status=VersionStatus.ARCHIVED)
    calling = found.filter(calls_text__contains=f"\n{called}\n").select_related("procedure", "document")
    now, then = TenantRegistry(version.tenant_id), _WithCandidate(version)
    for caller in calling.order_by("-number")[:MOST_CALLERS]:
        problems = _contract_problems(caller, then)
        for node_id, node in load_document(caller.document.canonical).nodes.items():
            if isinstance(node, SubflowNode) and node.procedure_id == called:
                yield {
                    "procedure_id": caller.procedure.procedure_id,
                    "version": caller.version,
                    "node_id": node_id,
                    "pin": node.version,
                    "accepts": _accepts(node, version, now),
                    "problems": [problem for problem in problems if problem.get("node_id") == node_id],
                }


def _contract_problems(caller: ProcedureVersion, registry: _WithCandidate) -> list[dict[str, Any]]:
    compiled = compile_document(caller.source, registry)
    return [problem.as_dict() for problem in compiled.problems if problem.code in CONTRACT]


def _accepts(node: SubflowNode, version: ProcedureVersion, registry: TenantRegistry) -> bool:
    """Whether the pin would take `version`, were it published."""
    pin = pin_of(node)
    if pin is None:
        return False
    others = registry.versions(version.procedure.procedure_id) or []
    candidate = ChildVersion(version.version, VersionStatus.ACTIVE, frozenset({"dev"}))
    rest = [ChildVersion(one.version, one.status) for one in others if one.version != version.version]
    return resolve(pin, [*rest, candidate], "dev") == version.version


def _triggers(document: Document) -> list[dict[str, Any]]:
    zone = document.global_config.timezone or "UTC"
    return [
        {
            "id": f"t{number}",
            "type": trigger.type,
            "enabled": trigger.enabled,
            "next_fire": _next_fire(trigger.schedule, trigger.timezone or zone) if trigger.schedule else None,
        }
        for number, trigger in enumerate(document.all_triggers, 1)
    ]


def _next_fire(schedule: str, zone: str) -> datetime | None:
    fires = read_schedule(schedule).next_fires(clock.now(), zone, 1)
    return fires[0].astimezone(UTC) if fires else None


def _counted(rows: Any, column: str) -> dict[str, int]:
    return {entry[column]: entry["n"] for entry in rows.values(column).annotate(n=Count("pk")).order_by(column)}


def _open_approvals(actor: Actor, version: ProcedureVersion) -> int:
    """Counted by name: an approval lies below procedures and knows of them no more than that."""
    asked = Approval.system.filter(tenant_id=actor.tenant_id, procedure_id=version.procedure.procedure_id)
    return asked.filter(procedure_version=version.version, status=Status.PENDING).count()
