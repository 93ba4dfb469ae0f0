"""Events in plain words: an icon, what happened, and what matters of the payload."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langorch.lib import moments
from orchestration import cancel_words
from orchestration.plain_words import (
    ANSWERED,
    BREACHES,
    CHECKPOINTS,
    DUE,
    GIVEN_BACK,
    HANDLED,
    ODD,
    RESUMED,
    WAITS,
    WITHDRAWN,
)

BY_SOMEBODY = frozenset({"approval", "operator", "budget"})

Payload = Mapping[str, Any]
Name = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Happened:
    """What an event tells: its payload, the node and step it is about, and how nodes are called."""

    payload: Payload
    node_id: str
    step_id: str
    name: Name

    def get(self, key: str) -> Any:
        return self.payload.get(key)


Detail = Callable[[Happened], str]


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
    detail: Detail = lambda told: ""


def _of(*names: str, between: str = ", ") -> Detail:
    return lambda told: between.join(_short(told.get(name)) for name in names if told.get(name) not in (None, ""))


def _in(words: Mapping[str, str], key: str, *names: str) -> Detail:
    """What people read for the word under `key`, between the values under `names` that stand before it."""

    def detail(told: Happened) -> str:
        said = str(told.get(key) or "")
        found = [*(_short(told.get(name)) for name in names if told.get(name)), words.get(said, said)]
        return ", ".join(part for part in found if part)

    return detail


def _by(told: Happened) -> str:
    who = told.get("by") or told.get("triggered_by") or told.get("decided_by")
    reason = told.get("reason") or told.get("comment")
    words = f"by {who}" if who else ""
    return f"{words}: {reason}" if reason else words


def _canceled(told: Happened) -> str:
    return cancel_words.why(str(told.get("by") or ""), str(told.get("reason") or ""))


def _error(told: Happened) -> str:
    kind = told.get("error_class") or told.get("type") or ""
    text = _short(told.get("error") or told.get("message") or "")
    return f"{kind}: {text}" if kind and text else kind or text


def _step(told: Happened) -> str:
    """The step with its action where that says more, and how long it took."""
    action = told.get("action")
    words = f"{told.step_id} ({action})" if action and action != told.step_id else told.step_id
    if told.get("cached"):
        return f"{words}, its result {'stood under the same key' if told.get('source') else 'was there'} already"
    return _timed(words, told)


def _failed_step(told: Happened) -> str:
    return f"{told.step_id}, {_error(told)}" if told.step_id else _error(told)


def _failed_node(told: Happened) -> str:
    return f"{told.name(told.node_id)}, {_error(told)}" if told.node_id else _error(told)


def _named(told: Happened) -> str:
    """The node as the rest of the page calls it."""
    return told.name(told.node_id) if told.node_id else _short(told.get("node_name") or "")


def _node(told: Happened) -> str:
    return _timed(_named(told), told)


def _timed(words: str, told: Happened) -> str:
    spent = told.get("duration_ms")
    return f"{words}, {moments.duration(spent / 1000)}" if isinstance(spent, int | float) and spent >= 50 else words


def _branch(told: Happened) -> str:
    rule = told.get("condition") or ("else" if told.get("rule") is None else "")
    assumed = " (assumed)" if told.get("assumed") else ""
    return f"{rule} → {told.name(str(told.get('next_node_id')))}{assumed}"


def _check(told: Happened) -> str:
    assumed = "assumed" if told.get("assumed") else ""
    return ", ".join(_short(part) for part in (told.get("check_id"), told.get("message"), assumed) if part)


def _route(told: Happened) -> str:
    return _route_to(told, "to_node_id")


def _retry(told: Happened) -> str:
    delay = moments.duration((told.get("delay_ms") or 0) / 1000)
    return f"{told.step_id} in {delay} after {told.get('error_class') or 'an error'}"


def _iteration(told: Happened) -> str:
    number, total, item = (told.get("iteration") or 0) + 1, told.get("total"), item_name(told.get("item"))
    words = f"{number} of {total}" if total else str(number)
    return f"{words}: {_short(item)}" if item else words


def _loop(told: Happened) -> str:
    number, errors = told.get("iterations") or 0, told.get("errors")
    words = f"after {number} iteration{'' if number == 1 else 's'}"
    more = [f"{errors} failed" if errors else "", "its limit" if told.get("capped") else ""]
    return ", ".join(part for part in (words, *more, "assumed" if told.get("assumed") else "") if part)


def _handled(told: Happened) -> str:
    action = str(told.get("action"))
    return f"{told.get('error_type')}: {HANDLED.get(action, action)} {_route_to(told, 'next_node_id')}".rstrip()


def _route_to(told: Happened, key: str) -> str:
    target = told.get(key)
    return f"to {told.name(target)}" if target else ""


def _usage(told: Happened) -> str:
    """The model, its tokens and how long it took."""
    took, total = told.get("latency_ms"), told.get("total_tokens")
    tokens = f", {total:,} tokens" if isinstance(total, int) else ""
    seconds = f", {moments.duration(took / 1000)}" if isinstance(took, int | float) else ""
    return f"{told.get('model')}{tokens}{seconds}"


def _parked(told: Happened) -> str:
    return f"waits for {_waits(told.get('kind'))}, worker given back"


def _paused(told: Happened) -> str:
    return f"{_named(told)}, waits for {_waits(told.get('reason'))}"


def _waits(kind: Any) -> str:
    return WAITS.get(str(kind), str(kind))


def _answered(told: Happened) -> str:
    """Why a wait is over, and by whom where somebody did something about it."""
    words = _in(ANSWERED, "kind")(told)
    return f"{words} by {told.get('by')}" if told.get("by") and told.get("kind") in BY_SOMEBODY else words


def _breach(told: Happened) -> str:
    words = _in(BREACHES, "on_breach")(told)
    return f"{words} {_route_to(told, 'escalation_handler')}".rstrip() if told.get("on_breach") == "escalate" else words


def _full(told: Happened) -> str:
    in_use, limit = told.get("in_use"), told.get("limit")
    busy = isinstance(in_use, int) and isinstance(limit, int) and in_use >= limit
    return f"{_of('channel', 'pool_id')(told)}: {'all are busy' if busy else 'none can be used now'}"


def _spared(told: Happened) -> str:
    """A step that was not carried out, or a question that nobody was asked."""
    if told.get("binding") == "approval":
        return f"{told.name(told.node_id)}, decided by itself: {told.get('ref')}"
    return _step(told) if told.step_id else told.name(told.node_id)


def _overridden(told: Happened) -> str:
    return f"{told.step_id or told.name(told.node_id)}: {_short(told.get('override'))}"


def _after_limit(told: Happened) -> str:
    limit = told.get("timeout_ms")
    return f"more than {moments.duration(limit / 1000)}" if isinstance(limit, int | float) else ""


def _slowed(told: Happened) -> str:
    seconds = moments.duration((told.get("wait_ms") or 0) / 1000)
    return f"{told.step_id} waits {seconds} for {told.get('bucket')}"


def _warned(told: Happened) -> str:
    return f"{told.get('percent')} % of {told.get('cap')}"


def _delayed(told: Happened) -> str:
    return f"the {told.get('scope') or told.get('limit')} has {told.get('in_use')} of {told.get('max')} at work"


def _vote(told: Happened) -> str:
    return f"{told.get('decision')} by {told.get('decided_by')}, {told.get('have')} of {told.get('need')}"


def _child(told: Happened) -> str:
    version = told.get("version")
    return f"{told.get('procedure_id')} @ {version}" if version else str(told.get("procedure_id"))


def _failed_child(told: Happened) -> str:
    return f"{_child(told)}: {_short(told.get('error'))}"


def _decision(told: Happened) -> str:
    return f"{told.get('decision')} {_by(told)}".strip()


def _short(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:159] + "…"


def _undone(told: Happened) -> str:
    failed = told.get("failed")
    return f"{told.get('done')} undone" + (f", {failed} could not be" if failed else "")


PHRASES: dict[str, Phrase] = {
    "run_created": Phrase("plus", "muted", "Run created", _by),
    "unknown_input": Phrase("alert", "warn", "Inputs left out", _of("names")),
    "admission_delayed": Phrase("s-queued", "muted", "Waits for a free slot", _delayed),
    "execution_started": Phrase("s-running", "live", "Run started", _of("worker")),
    "execution_resumed": Phrase("s-running", "live", "Run went on", _in(RESUMED, "resume_reason")),
    "run_parked": Phrase("s-paused", "muted", "Run parked", _parked),
    "run_resumed": Phrase("s-running", "live", "Wait is over", _answered),
    "worker_lease_expired": Phrase("alert", "warn", "Worker lost", _of("worker")),
    "worker_fenced": Phrase("alert", "warn", "Late worker refused", _of("worker")),
    "lease_handed_back": Phrase("s-queued", "muted", "Worker gave the run back", _in(GIVEN_BACK, "reason", "worker")),
    "run_stuck": Phrase("alert", "warn", "Run is stuck", _of("cause")),
    "run_retry_requested": Phrase("retry", "muted", "Retry asked for", _by),
    "run_cancel_requested": Phrase("s-canceled", "muted", "Cancel asked for", _canceled),
    "run_canceled": Phrase("s-canceled", "muted", "Run canceled", _canceled),
    "run_timeout": Phrase("s-timeout", "bad", "Run took too long", _after_limit),
    "run_forked": Phrase("fork", "muted", "Forked", _by),
    "run_completed": Phrase("s-ok", "ok", "Run completed", _of("message")),
    "run_failed": Phrase("s-failed", "bad", "Run failed", _error),
    "error": Phrase("s-failed", "bad", "Error", _error),
    "compensation_requested": Phrase("retry", "warn", "Undoing asked for", _by),
    "compensation_started": Phrase("retry", "warn", "What was done is being undone", _of("count")),
    "compensation_completed": Phrase("retry", "warn", "Undone", _undone),
    "sla_breached": Phrase("s-timeout", "warn", "Took longer than agreed", _breach),
    "on_failure_routed": Phrase("right", "warn", "Failure route taken", _route),
    "node_started": Phrase("right", "muted", "Entered", _named),
    "node_completed": Phrase("s-ok", "ok", "Left", _node),
    "node_paused": Phrase("s-paused", "muted", "Paused", _paused),
    "node_error": Phrase("s-failed", "bad", "Node failed", _failed_node),
    "branch_taken": Phrase("right", "muted", "Branch taken", _branch),
    "branch_started": Phrase("fork", "muted", "Branch started", _of("branch_id")),
    "branch_completed": Phrase("fork", "muted", "Branch ended", _of("branch_id", "status")),
    "variable_conflict": Phrase("alert", "warn", "Branches wrote one variable", _of("name", "branches")),
    "loop_iteration": Phrase("retry", "muted", "Iteration", _iteration),
    "loop_completed": Phrase("s-ok", "ok", "Loop ended", _loop),
    "undefined_value": Phrase("alert", "warn", "A value was missing", _of("name")),
    "expression_warning": Phrase("alert", "warn", "Doubtful comparison", _in(ODD, "kind")),
    "log": Phrase("doc", "muted", "Log", _of("message")),
    "step_started": Phrase("right", "muted", "Step started", _step),
    "step_completed": Phrase("s-ok", "ok", "Step completed", _step),
    "step_failed": Phrase("s-failed", "bad", "Step failed", _failed_step),
    "step_retry_scheduled": Phrase("retry", "warn", "Step will be tried again", _retry),
    "error_handled": Phrase("right", "warn", "Error handled", _handled),
    "step_error_notification": Phrase("mail", "muted", "Notice of the error sent", _of("channels")),
    "timeout_ignored": Phrase("s-timeout", "warn", "Too long, went on without it", _step),
    "step_timeout": Phrase("s-timeout", "bad", "Step took too long", _step),
    "step_in_doubt": Phrase("alert", "warn", "Nobody knows whether it happened; sent again under the same key", _step),
    "pool_saturated": Phrase("s-queued", "warn", "No agent is free", _full),
    "affinity_lost": Phrase("alert", "warn", "The run goes on at another agent", _of("from_agent_id", "to_agent_id")),
    "lease_revoked": Phrase("alert", "warn", "The slot of an agent was taken away", _of("agent_id", "by")),
    "screenshot_requested": Phrase("doc", "muted", "Asked for a screenshot", _of("reason", "error")),
    "check_passed": Phrase("s-ok", "ok", "Check passed", _check),
    "check_failed": Phrase("s-failed", "bad", "Check failed", _check),
    "llm_usage": Phrase("doc", "muted", "Model answered", _usage),
    "llm_fallback": Phrase("right", "warn", "Next model asked", _of("from", "to", "reason", between=" · ")),
    "llm_output_invalid": Phrase("alert", "warn", "The model's answer cannot be used", _of("errors")),
    "llm_output_repaired": Phrase("s-ok", "ok", "The model mended its answer", _of("repairs")),
    "subflow_started": Phrase("fork", "muted", "Run started by the run", _child),
    "subflow_completed": Phrase("s-ok", "ok", "Run that it started completed", _child),
    "subflow_failed": Phrase("s-failed", "bad", "Run that it started failed", _failed_child),
    "checkpoint_saved": Phrase("copy", "muted", "Checkpoint saved", _in(CHECKPOINTS, "reason")),
    "artifact_created": Phrase("doc", "muted", "File kept", _of("name", "mime_type")),
    "artifact_rejected": Phrase("alert", "warn", "File not taken", _of("name", "reason")),
    "artifact_deleted": Phrase("doc", "muted", "File removed", _of("name", "reason")),
    "checkpoint_failed": Phrase("alert", "warn", "Checkpoint could not be saved", _of("error")),
    "dry_run_step_skipped": Phrase("s-draft", "muted", "Not carried out in a dry run", _spared),
    "step_mock_applied": Phrase("s-draft", "muted", "A mock answered", _spared),
    "step_test_override_applied": Phrase("s-draft", "muted", "Test data stood in", _overridden),
    "rate_limited": Phrase("s-queued", "warn", "Slowed down by a rate limit", _slowed),
    "policy_denied": Phrase("lock", "bad", "Not allowed", _of("reason")),
    "idempotency_mismatch": Phrase("alert", "warn", "The same key was used with other parameters", _of("key")),
    "budget_warning": Phrase("cost", "warn", "Budget is nearly used up", _warned),
    "budget_exceeded": Phrase("cost", "bad", "Budget is used up", _of("message")),
    "approval_requested": Phrase("s-person", "warn", "Approval requested", _named),
    "approval_decision_received": Phrase("s-person", "ok", "Decided", _decision),
    "approval_vote_recorded": Phrase("s-person", "muted", "Vote recorded", _vote),
    "approval_reminded": Phrase("mail", "muted", "Reminder sent"),
    "approval_delegated": Phrase("s-person", "muted", "Handed on", _by),
    "approval_escalated": Phrase("s-person", "warn", "Escalated", _of("to")),
    "approval_expired": Phrase("s-timeout", "warn", "The due time has come", _in(DUE, "timeout_action")),
    "approval_canceled": Phrase("s-canceled", "muted", "Question withdrawn", _in(WITHDRAWN, "reason")),
}


def item_name(text: str | None) -> str:
    """What people call an item of a loop, told by its JSON (perhaps cut): itself, or the first plain value in it."""
    try:
        item = json.loads(text or "null")
    except ValueError:
        return ""
    values = item.values() if isinstance(item, dict) else [item]
    plain = (value for value in values if isinstance(value, str | int | float) and not isinstance(value, bool))
    return str(next(plain, ""))


def words(event_type: str, payload: Payload, *, node_id: str = "", step_id: str = "", name: Name = str) -> Words:
    """The words of one event; `name` gives the name of a node. A type without a phrase is shown by its name."""
    phrase = PHRASES.get(event_type)
    if phrase is None:
        return Words("info", "muted", event_type.replace("_", " ").capitalize())
    return Words(phrase.icon, phrase.tone, phrase.title, phrase.detail(Happened(payload, node_id, step_id, name)))
