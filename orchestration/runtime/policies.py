"""What the project allows its runs to call (CKP 1.1): asked again before each call, as it may have changed."""

from orchestration.runtime.outcomes import Error, StepFailed
from orchestration.runtime.stepping import RecordedStep
from procedures.ckp.actions import action_allowed
from tenants.models import Project

ALLOWED_ACTIONS = "allowed_actions"


def require_allowed(run: RecordedStep) -> None:
    """Raise `StepFailed` (policy_denied) for an action that the project does not allow now."""
    project_id, action = run.visit.drive.run.project_id, run.step.action
    if project_id is None:
        return
    allowed = Project.system.values_list("settings", flat=True).get(pk=project_id).get(ALLOWED_ACTIONS)
    if allowed is None or action_allowed(action, allowed):
        return
    message = f"The project does not allow {action}."
    run.emit("policy_denied", {"policy": ALLOWED_ACTIONS, "reason": message})
    raise StepFailed(Error("policy_denied", message, details={"policy": ALLOWED_ACTIONS}))
