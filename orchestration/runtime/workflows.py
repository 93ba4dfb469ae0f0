"""What a workflow capability is told of the node that it works for (protocols 4)."""

from collections.abc import Mapping
from typing import Any

from orchestration.runtime.outcomes import Json
from orchestration.runtime.stepping import RecordedStep
from procedures.ckp.document import SequenceNode, Step


def mode(run: RecordedStep) -> str:
    """How a workflow is dispatched: async or sync, from the step, its node or the document."""
    return (
        run.step.workflow_dispatch_mode
        or run.visit.node.dispatch_mode
        or run.visit.document.global_config.workflow_dispatch_mode
    )


def context(run: RecordedStep, params: Mapping[str, Json]) -> dict[str, Any]:
    """The `_workflow_context` of a call."""
    node, owner = run.visit.node, run.visit.drive.run
    return {
        "dispatch_mode": mode(run),
        "channel": (run.step.agent or node.agent or "").lower(),
        "run_id": str(owner.pk),
        "procedure_id": owner.procedure_key,
        "node_id": run.visit.node_id,
        "current_step_id": run.step.step_id,
        "current_step_action": run.step.action,
        "current_step_params": dict(params),
        "node_steps": [_step(step) for step in node.steps] if isinstance(node, SequenceNode) else [],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "step_id": step.step_id,
        "action": step.action,
        "params": step.parameters,
        "timeout_ms": step.timeout_ms,
        "wait_ms": step.wait_ms,
        "wait_after_ms": step.wait_after_ms,
        "workflow_dispatch_mode": step.workflow_dispatch_mode,
        "output_variable": step.output_variable,
    }
