"""Test and dry modes: what stands in for a step, an answer or a condition (runtime 12)."""

from typing import Any, Final

from agents import selectors as agents
from agents.choices import CapabilityType
from approvals.rules.answers import APPROVED
from orchestration.choices import MODEL_CALL, ExecutionMode
from orchestration.runtime.context import Place, StandIn
from orchestration.runtime.outcomes import Json
from orchestration.runtime.visiting import Visit
from orchestration.stubs import holds_stub, is_stub
from procedures.ckp.document import HumanApprovalNode, Step
from procedures.ckp.operations import OPERATIONS
from procedures.ckp.operations.variables import assigned

NOTHING: Final = object()
"""No stand-in: the step is carried out. (Null may be an override.)"""
COMPUTING: Final = OPERATIONS - {"log", "append_to_array", "generate_id", "get_timestamp"}
"""Operations whose result is computed from what they read."""


def for_step(visit: Visit, step: Step, path: str, place: tuple[Place, ...], *, leaves: bool) -> Any:
    """The result that stands in for a step, or NOTHING. `leaves` says that the step would leave the house.

    `path` is where the step is recorded, `place` where it stands in its node.
    """
    overrides = visit.drive.run.test_data_overrides
    for name in (f"{visit.node_id}.{step.step_id}", step.step_id):
        if name in overrides:
            told = {"step_id": step.step_id, "override": overrides[name]}
            visit.emit("step_test_override_applied", told, step.step_id, path=path)
            _set(visit, step, overrides[name])
            return overrides[name]
    if leaves and is_dry(visit):
        return _stub(visit, step, path, place, "dry_run_step_skipped")
    if leaves and visit.drive.run.mock_external_calls:
        return _stub(visit, step, path, place, "step_mock_applied")
    return NOTHING


def _set(visit: Visit, step: Step, value: Json) -> None:
    """A step that sets a variable sets it to what stands in for its result."""
    if step.action == "set_variable" and step.binding != "agent":
        for name, changed in assigned(visit.variables, str(step.parameters["variable"]), value).items():
            visit.write(name, changed)


def for_node(visit: Visit) -> StandIn | None:
    """What the test data says that a whole node gives; none where it does not name it."""
    overrides = visit.drive.run.test_data_overrides
    if visit.node_id not in overrides:
        return None
    override = overrides[visit.node_id]
    visit.emit("step_test_override_applied", {"step_id": visit.node_id, "override": override})
    return StandIn(override, is_stub=False)


def for_model(visit: Visit) -> StandIn | None:
    """What stands in for the calls of an llm_action, by the name of its node; none where its model is asked."""
    if (found := for_node(visit)) is not None:
        return found
    if is_dry(visit):
        return StandIn(_model_stub(visit, "dry_run_step_skipped", "dry_run"), is_stub=True)
    if visit.drive.run.mock_external_calls:
        return StandIn(_model_stub(visit, "step_mock_applied", "mocked"), is_stub=True)
    return None


def is_dry(visit: Visit) -> bool:
    """Whether the graph is only walked."""
    return visit.drive.run.execution_mode == ExecutionMode.DRY_RUN


def decision(visit: Visit, node: HumanApprovalNode) -> dict[str, Json]:
    """How an approval answers itself in a dry run: approved, with the first option."""
    selected = node.choices[0].value if node.choices else None
    told = {"action": node.type, "binding": "approval", "ref": selected or APPROVED, "assumed": True}
    visit.emit("dry_run_step_skipped", told)
    return {
        "approval_id": None,
        "decision": APPROVED,
        "selected_option": selected,
        "payload": None,
        "comment": "",
        "decided_by": "dry run",
        "decided_at": visit.at.isoformat(),
        "via": "system",
        "votes": [],
    }


def assumes(visit: Visit, *place: Place) -> bool:
    """Whether what stands at a place of the node reads what a dry run put in place of a result."""
    if not is_dry(visit):
        return False
    read = visit.drive.program.reads(visit.node_id, place)
    return any(holds_stub(visit.variables[name]) for name in read if name in visit.variables)


def taken(visit: Visit, mapping: str, result: Json, place: tuple[Place, ...], *, from_model: bool = False) -> Json:
    """The part of a result that a mapping takes; what a dry run put in its place stands for each part of it too."""
    if is_dry(visit) and is_stub(result):
        return result
    return visit.values.mapped(mapping, result, place, from_model=from_model)


def computed(visit: Visit, action: str, *place: Place) -> Json:
    """What stands for something computed from what a dry run put in place of a result; NOTHING for all else."""
    if action not in COMPUTING or not assumes(visit, *place):
        return NOTHING
    return assumed(action)


def assumed(action: str) -> dict[str, Json]:
    """What stands for a value that a dry run cannot know."""
    return {"dry_run": True, "action": action, "binding": "assumed"}


def _model_stub(visit: Visit, event_type: str, mark: str) -> dict[str, Json]:
    visit.emit(event_type, {"action": MODEL_CALL, "binding": "llm", "ref": getattr(visit.node, "model", None)})
    return {mark: True, "action": MODEL_CALL, "binding": "llm"}


def _stub(visit: Visit, step: Step, path: str, place: tuple[Place, ...], event_type: str) -> dict[str, Json]:
    binding, ref = _binding(visit, step, place)
    visit.emit(event_type, {"action": step.action, "binding": binding, "ref": ref}, step.step_id, path=path)
    mark = "dry_run" if event_type == "dry_run_step_skipped" else "mocked"
    return {mark: True, "action": step.action, "binding": binding}


def _binding(visit: Visit, step: Step, place: tuple[Place, ...]) -> tuple[str, str]:
    """How a step would be carried out, and by whom: the first agent that offers it now."""
    if step.action == "notify":
        return "notify", step.action
    named = (*place, "agent") if step.agent else ("agent",)
    name, run = str(visit.value(step.agent or visit.node.agent or "", *named)).strip(), visit.drive.run
    action = step.action.strip()
    for agent, offer in agents.offers(run.tenant_id, run.project_id, name, action, step.pool):
        return ("workflow" if offer.type == CapabilityType.WORKFLOW else "agent_http"), agent.agent_id
    return "unbound", step.action
