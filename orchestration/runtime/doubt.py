"""Steps whose effect may have happened without our knowing (runtime 8)."""

from typing import Final

from agents import selectors
from orchestration.choices import StepState
from orchestration.runtime.outcomes import Error, StepFailed
from orchestration.runtime.stepping import RecordedStep

DOUBTFUL: Final = frozenset({"timeout", "agent_unreachable", "artifact_store", "effect_unknown"})
"""Classes of errors after which the effect may have happened, and its result is not here."""


def meet(run: RecordedStep) -> None:
    """A step is met as started: it is sent again under its key, and that is told of.

    Raises `StepFailed` (effect_unknown) where it must not be sent to somebody who may do it twice.
    """
    recorded = run.recorded
    if recorded is None:
        return
    told = {"action": run.step.action, "idempotency_key": run.key, "agent_id": recorded.agent}
    run.emit("step_in_doubt", told)
    run.agent, run.irreversible = recorded.agent, recorded.irreversible
    if recorded.irreversible and not _keeps_keys(run, recorded.agent):
        raise StepFailed(unknown(run))


def unknown(run: RecordedStep, cause: Error | None = None) -> Error:
    """The error of a step that nobody may send again before somebody has looked."""
    message = f"Nobody knows whether {run.step.action} happened, and it must not happen twice."
    details = {} if cause is None else {"cause": cause.error_class, "message": cause.message}
    return Error("effect_unknown", message, agent=run.agent, details=details)


def only_agent(run: RecordedStep) -> str:
    """The agent that alone can know whether an earlier attempt did what must not happen twice; empty for none."""
    earlier = run.visit.drive.records.step(run.path, run.step.step_id)
    if earlier is None or not earlier.irreversible:
        return ""
    doubtful = earlier.state == StepState.STARTED or (earlier.error or {}).get("class") in DOUBTFUL
    return earlier.agent if doubtful else ""


def _keeps_keys(run: RecordedStep, agent_id: str) -> bool:
    """Whether the agent still says that it answers a known key with its first answer."""
    owner = run.visit.drive.run
    found = selectors.offers(owner.tenant_id, owner.project_id, agent_id, run.step.action)
    return any(offer.keeps_keys for agent, offer in found if agent.agent_id == agent_id)
