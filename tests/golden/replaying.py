"""Runs of the sample procedures as lists of events, without times and ids."""

import json
from pathlib import Path
from typing import Any, Final

from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from orchestration.models import Event, Run
from tests import people, runs
from tests.people import House

FOLDER: Final = Path(__file__).parent
SAMPLES: Final = FOLDER.parent.parent / "procedures" / "samples"
KEPT: Final = frozenset(
    """action as_type branch branch_id cached decision error error_class from_node_id kind level message mode
    next_node_id node_type outputs output_variable reason recovered_via result resume_reason rule status then tier
    to_node_id waits_open warnings""".split()
)
"""What is kept of payloads: what a change of meaning would change."""


def case(name: str) -> dict[str, Any]:
    """What is recorded of one case: the procedure, the inputs, the decisions by node, and the events."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def names() -> list[str]:
    """Every recorded case."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def replayed(house: House, recorded: dict[str, Any]) -> dict[str, Any]:
    """The case, with the events of a run of today."""
    source = json.loads((SAMPLES / f"{recorded['procedure']}.ckp.json").read_text(encoding="utf-8"))
    run = runs.drive(runs.queue(house.tenant, source, **recorded["inputs"]))
    while asked := Approval.system.filter(run_id=run.pk, status="pending").first():
        answer = Answer(recorded["decisions"][asked.path], "so recorded")
        approvals.decide(people.actor(house.approver), asked.pk, answer)
        run = runs.drive(run)
    return {**recorded, "status": run.status, "events": [told(event) for event in ordered(run)]}


def ordered(run: Run) -> list[Event]:
    """The events of a run in order, those of branches apart: between branches there is no order."""
    return sorted(Event.objects.filter(run=run).order_by("seq"), key=lambda event: (branch(event), event.seq))


def branch(event: Event) -> str:
    """The branch that an event tells of or lies in; empty in the main region and loops."""
    if "branch_id" in event.payload:
        return f"{event.path}:{event.payload['branch_id']}"
    return event.path.rpartition("/")[0] if ":" in event.path else ""


def told(event: Event) -> dict[str, Any]:
    """What is kept of an event."""
    payload = {name: value for name, value in event.payload.items() if name in KEPT and value not in (None, "")}
    place = {"path": event.path, "step": event.step_id, "attempt": event.attempt}
    return {"event": event.event_type, **{name: value for name, value in place.items() if value}, **payload}


def written(recorded: dict[str, Any]) -> str:
    """The text of a case's file, one event a line."""
    events = ",\n".join(f"    {json.dumps(event, ensure_ascii=False)}" for event in recorded["events"])
    head = {name: value for name, value in recorded.items() if name != "events"}
    text = json.dumps(head, ensure_ascii=False, indent=2).removesuffix("\n}")
    return f'{text},\n  "events": [\n{events}\n  ]\n}}\n'
