"""What a dry run found, as an artifact of the run: `dry_run_report.json` (runtime 12)."""

import hashlib
import json
from typing import Any, Final

from langorch.lib import clock, ids
from orchestration.artifacts import acceptance, storage
from orchestration.choices import Classification, ExecutionMode
from orchestration.events import NewEvent
from orchestration.models import Event, StepRecord, Visit
from orchestration.runtime.drive import Drive
from orchestration.runtime.records import ArtifactRow, moment
from procedures.ckp.bounds import bounds
from procedures.limits import system_limits
from procedures.registry import TenantRegistry

NAME: Final = "dry_run_report.json"


def keep(drive: Drive) -> None:
    """Store the report of a dry run that is about to end; its row and event go out with the end."""
    if drive.run.execution_mode != ExecutionMode.DRY_RUN:
        return
    drive.journal.flush()
    content = json.dumps(_report(drive), indent=2, ensure_ascii=False).encode()
    artifact_id = ids.uuid7()
    facts: dict[str, Any] = {
        "kind": "report",
        "name": NAME,
        "uri": f"{acceptance.OURS}{artifact_id}/{NAME}",
        "mime_type": "application/json",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "classification": Classification.INTERNAL,
    }
    try:
        file = storage.save(storage.place(drive.run.tenant_id, drive.run.pk, artifact_id, NAME), content)
    except storage.StorageFault as fault:
        drive.journal.event(NewEvent("artifact_rejected", {"kind": "report", "name": NAME, "reason": str(fault)}))
        return
    place = {"path": "", "step_id": "", "node_id": ""}
    row: dict[str, Any] = {"id": artifact_id.hex, "tenant_id": drive.run.tenant_id.hex, **place, **facts, "file": file}
    drive.journal.artifact(ArtifactRow(**row, created_at=moment(clock.now())))
    drive.journal.event(NewEvent("artifact_created", {"artifact_id": str(artifact_id), **facts}))


def _report(drive: Drive) -> dict[str, Any]:
    told = list(Event.objects.filter(run=drive.run.pk).order_by("seq"))
    report = {
        "run_id": str(drive.run.pk),
        "procedure_id": drive.run.procedure_key,
        "procedure_version": drive.run.procedure_version,
        "path": _path(drive),
        "calls": _calls(drive, [event for event in told if event.event_type == "dry_run_step_skipped"]),
        "assumptions": [_assumption(event) for event in told if event.payload.get("assumed") is True],
        "missing_values": [
            {"path": event.path, "node_id": event.node_id, "step_id": event.step_id or None, **event.payload}
            for event in told
            if event.event_type == "undefined_value"
        ],
    }
    found: dict[str, Any] = drive.journal.redactor.redact(report)
    return found | {"worst_case": _worst_case(drive)}


def _assumption(event: Event) -> dict[str, Any]:
    """What could not be known, and what was assumed in its place."""
    told = event.payload
    assumed = {
        "branch_taken": "this route",
        "check_passed": f"check {told.get('check_id')} holds",
        "loop_completed": "one iteration",
        "dry_run_step_skipped": f"decided {told.get('ref')}",
    }
    next_node = told.get("next_node_id")
    words = assumed.get(event.event_type, event.event_type)
    return {"path": event.path, "node_id": event.node_id, "next_node_id": next_node, "assumed": words}


def _path(drive: Drive) -> list[dict[str, Any]]:
    visits = Visit.objects.filter(run=drive.run.pk).order_by("id")
    return [
        {
            "path": visit.path,
            "node_id": visit.node_id,
            "outcome": visit.outcome,
            "next_node_id": visit.next_node or None,
        }
        for visit in visits
    ]


def _calls(drive: Drive, skipped: list[Event]) -> list[dict[str, Any]]:
    """What would have left the house, with the parameters as they are shown."""
    steps = StepRecord.objects.filter(run=drive.run.pk).values_list("path", "step_id", "params")
    params = {(path, step_id): shown for path, step_id, shown in steps}
    return [
        {
            "path": event.path,
            "step_id": event.step_id,
            **event.payload,
            "params": params.get((event.path, event.step_id)),
        }
        for event in skipped
        if event.payload["binding"] != "approval"
    ]


def _worst_case(drive: Drive) -> dict[str, Any]:
    """The bounds of the analysis: cost, tokens and time at most, and why where there is none."""
    registry = TenantRegistry(drive.run.tenant_id)
    found: dict[str, Any] = bounds(drive.program.document, registry, system_limits()).as_dict()
    return found
