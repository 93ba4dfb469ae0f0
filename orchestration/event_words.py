"""Events in plain words: an icon, what happened, and what matters of the payload."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Words:
    """`tone` colours the icon: ok, bad, warn, live or muted."""

    icon: str
    tone: str
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Phrase:
    icon: str
    tone: str
    title: str
    detail: Callable[[Payload], str] = lambda payload: ""


def _of(*names: str, between: str = ", ") -> Callable[[Payload], str]:
    return lambda payload: between.join(_short(payload[name]) for name in names if payload.get(name) not in (None, ""))


def _by(payload: Payload) -> str:
    who = payload.get("by") or payload.get("triggered_by") or payload.get("decided_by")
    reason = payload.get("reason") or payload.get("comment")
    words = f"by {who}" if who else ""
    return f"{words}: {reason}" if reason else words


def _error(payload: Payload) -> str:
    kind = payload.get("error_class") or payload.get("type") or ""
    text = _short(payload.get("error") or payload.get("message") or "")
    return f"{kind}: {text}" if kind and text else kind or text


def _branch(payload: Payload) -> str:
    rule = payload.get("condition") or ("default" if payload.get("rule") is None else "")
    return f"{rule} → {payload.get('next_node_id')}"


def _retry(payload: Payload) -> str:
    return f"in {payload.get('delay_ms', 0) / 1000:g} s after {payload.get('error_class', 'an error')}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 160 else text[:159] + "…"


PHRASES: dict[str, Phrase] = {
    "run_created": Phrase("plus", "muted", "Run created", _by),
    "unknown_input": Phrase("alert", "warn", "Inputs left out", _of("names")),
    "admission_delayed": Phrase("s-queued", "muted", "Waits for a free slot", _of("limit", "scope")),
    "execution_started": Phrase("s-running", "live", "Run started", _of("worker")),
    "execution_resumed": Phrase("s-running", "live", "Run went on", _of("resume_reason", "worker")),
    "run_parked": Phrase("s-paused", "muted", "Run parked", lambda p: f"waits for {p.get('kind')}, worker given back"),
    "run_resumed": Phrase("s-running", "live", "Wait answered", _of("kind", "by")),
    "worker_lease_expired": Phrase("alert", "warn", "Worker lost", _of("worker")),
    "worker_fenced": Phrase("alert", "warn", "Late worker refused", _of("worker")),
    "lease_handed_back": Phrase("s-queued", "muted", "Worker gave the run back", _of("worker", "reason")),
    "run_stuck": Phrase("alert", "warn", "Run is stuck", _of("cause")),
    "run_retry_requested": Phrase("retry", "muted", "Retry asked for", _by),
    "run_cancel_requested": Phrase("s-canceled", "muted", "Cancel asked for", _by),
    "run_canceled": Phrase("s-canceled", "muted", "Run canceled", _by),
    "run_completed": Phrase("s-ok", "ok", "Run completed", _of("message")),
    "run_failed": Phrase("s-failed", "bad", "Run failed", _error),
    "error": Phrase("s-failed", "bad", "Error", _error),
    "on_failure_routed": Phrase("right", "warn", "Failure route taken", _of("to_node_id")),
    "node_started": Phrase("right", "muted", "Entered", _of("node_name")),
    "node_completed": Phrase("s-ok", "ok", "Left", _of("node_name")),
    "node_paused": Phrase("s-paused", "muted", "Paused", _of("node_name", "reason")),
    "node_error": Phrase("s-failed", "bad", "Node failed", _error),
    "branch_taken": Phrase("right", "muted", "Branch taken", _branch),
    "branch_started": Phrase("fork", "muted", "Branch started", _of("branch_id")),
    "branch_completed": Phrase("fork", "muted", "Branch ended", _of("branch_id", "status")),
    "variable_conflict": Phrase("alert", "warn", "Branches wrote one variable", _of("name", "branches")),
    "loop_iteration": Phrase(
        "retry", "muted", "Iteration", lambda p: f"{p.get('iteration', 0) + 1} of {p.get('total')}"
    ),
    "loop_completed": Phrase("s-ok", "ok", "Loop ended", _of("iterations")),
    "undefined_value": Phrase("alert", "warn", "A value was missing", _of("name")),
    "expression_warning": Phrase("alert", "warn", "Doubtful comparison", _of("kind")),
    "log": Phrase("doc", "muted", "Log", _of("message")),
    "step_started": Phrase("right", "muted", "Step started", _of("action")),
    "step_completed": Phrase("s-ok", "ok", "Step completed", _of("action")),
    "step_failed": Phrase("s-failed", "bad", "Step failed", _error),
    "step_retry_scheduled": Phrase("retry", "warn", "Step will be tried again", _retry),
    "step_timeout": Phrase("s-timeout", "bad", "Step took too long", _of("action")),
    "step_in_doubt": Phrase(
        "alert", "warn", "Nobody knows whether it happened; sent again under the same key", _of("action")
    ),
    "check_passed": Phrase("s-ok", "ok", "Check passed", _of("check_id")),
    "check_failed": Phrase("s-failed", "bad", "Check failed", _of("check_id", "message")),
    "checkpoint_saved": Phrase("copy", "muted", "Checkpoint saved", _of("reason")),
    "approval_requested": Phrase("s-person", "warn", "Approval requested", _of("node_name")),
    "approval_decision_received": Phrase(
        "s-person", "ok", "Decided", lambda p: f"{p.get('decision')} {_by(p)}".strip()
    ),
    "approval_vote_recorded": Phrase("s-person", "muted", "Vote recorded", _of("decision", "decided_by")),
    "approval_expired": Phrase("s-timeout", "bad", "Approval timed out", _of("timeout_action")),
    "approval_canceled": Phrase("s-canceled", "muted", "Approval withdrawn", _of("reason")),
}


def words(event_type: str, payload: Payload) -> Words:
    """The words of one event; a type without a phrase of its own is shown by its name."""
    phrase = PHRASES.get(event_type)
    if phrase is None:
        return Words("info", "muted", event_type.replace("_", " ").capitalize())
    return Words(phrase.icon, phrase.tone, phrase.title, phrase.detail(payload))
