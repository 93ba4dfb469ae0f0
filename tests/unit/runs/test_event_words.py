"""Events in plain words: what records call things never stands in them."""

from typing import Any

import pytest

from orchestration.event_words import words

NAMES = {"ask": "Ask the boss", "pay": "Pay", "mend": "Mend it"}

SAID: dict[str, tuple[str, dict[str, Any], str]] = {
    "parked": ("run_parked", {"kind": "subflow"}, "Run parked: waits for a run that it started, worker given back"),
    "paused": (
        "node_paused",
        {"node_name": "ask", "reason": "capacity"},
        "Paused: Ask the boss, waits for its turn",
    ),
    "decided": ("run_resumed", {"kind": "approval", "by": "mia"}, "Wait is over: decided by mia"),
    "timer": ("run_resumed", {"kind": "timer", "by": "timer"}, "Wait is over: its time has come"),
    "went on": ("execution_resumed", {"resume_reason": "approval_resume", "worker": "w"}, "Run went on: decided"),
    "takeover": (
        "execution_resumed",
        {"resume_reason": "takeover"},
        "Run went on: taken over from a worker that was lost",
    ),
    "canceled": ("run_canceled", {"by": "mia", "reason": "cancel_signal"}, "Run canceled: by mia"),
    "canceled with a reason": ("run_canceled", {"by": "mia", "reason": "late"}, "Run canceled: by mia: late"),
    "canceled by the parent": (
        "run_canceled",
        {"by": "system", "reason": "parent"},
        "Run canceled: with the run that it is part of",
    ),
    "forced": (
        "run_canceled",
        {"by": "mia", "reason": "forced"},
        "Run canceled: by mia, taken from a worker that did not stop",
    ),
    "withdrawn": ("approval_canceled", {"reason": "branch_stopped"}, "Question withdrawn: its branch was stopped"),
    "due": ("approval_expired", {"timeout_action": "auto_reject"}, "The due time has come: rejected by itself"),
    "nobody": ("approval_expired", {"timeout_action": None}, "The due time has come: nobody decided"),
    "escalated": ("approval_escalated", {"to": "boss, finance"}, "Escalated: boss, finance"),
    "vote": (
        "approval_vote_recorded",
        {"decision": "approved", "decided_by": "mia", "have": 1, "need": 2},
        "Vote recorded: approved by mia, 1 of 2",
    ),
    "fell back": (
        "error_handled",
        {"error_type": "timeout", "action": "fallback", "next_node_id": "mend"},
        "Error handled: timeout: fell back to Mend it",
    ),
    "ignored": (
        "error_handled",
        {"error_type": "timeout", "action": "ignore"},
        "Error handled: timeout: ignored, went on",
    ),
    "breach": ("sla_breached", {"on_breach": "warn"}, "Took longer than agreed: a warning, the node goes on"),
    "breach that leads on": (
        "sla_breached",
        {"on_breach": "escalate", "escalation_handler": "mend"},
        "Took longer than agreed: escalated to Mend it",
    ),
    "odd": (
        "expression_warning",
        {"kind": "type_mismatch"},
        "Doubtful comparison: values of different kinds were compared",
    ),
    "names": ("unknown_input", {"names": ["a", "b"]}, "Inputs left out: a, b"),
    "conflict": (
        "variable_conflict",
        {"name": "x", "branches": ["left", "right"]},
        "Branches wrote one variable: x, left, right",
    ),
    "busy": (
        "pool_saturated",
        {"channel": "web", "pool_id": "p", "in_use": 3, "limit": 3},
        "No agent is free: web, p: all are busy",
    ),
    "sick": (
        "pool_saturated",
        {"channel": "web", "pool_id": "p", "in_use": 0, "limit": 3},
        "No agent is free: web, p: none can be used now",
    ),
    "given back": (
        "lease_handed_back",
        {"worker": "w", "reason": "compensation"},
        "Worker gave the run back: w, to be undone first",
    ),
    "taken again": (
        "step_completed",
        {"action": "post", "cached": True},
        "Step completed: go (post), its result was there already",
    ),
    "taken from elsewhere": (
        "step_completed",
        {"action": "post", "cached": True, "source": "run 7"},
        "Step completed: go (post), its result stood under the same key already",
    ),
    "limit of time": ("run_resumed", {"kind": "deadline"}, "Wait is over: a limit of time has passed"),
    "loop": ("loop_completed", {"iterations": 3, "errors": 1}, "Loop ended: after 3 iterations, 1 failed"),
    "capped loop": ("loop_completed", {"iterations": 3, "capped": True}, "Loop ended: after 3 iterations, its limit"),
    "assumed route": (
        "branch_taken",
        {"rule": None, "condition": None, "next_node_id": "pay", "assumed": True},
        "Branch taken: else → Pay (assumed)",
    ),
    "assumed check": ("check_passed", {"check_id": "c", "assumed": True}, "Check passed: c, assumed"),
    "slow": ("run_timeout", {"timeout_ms": 3500}, "Run took too long: more than 3.5 s"),
    "slot": (
        "admission_delayed",
        {"limit": "max_running_runs", "scope": "tenant", "in_use": 4, "max": 4},
        "Waits for a free slot: the tenant has 4 of 4 at work",
    ),
    "rate": (
        "rate_limited",
        {"bucket": "procedure", "wait_ms": 1500},
        "Slowed down by a rate limit: go waits 1.5 s for procedure",
    ),
    "checkpoint": ("checkpoint_saved", {"reason": "pin"}, "Checkpoint saved: as the procedure asks"),
    "dry": (
        "dry_run_step_skipped",
        {"action": "post", "binding": "unbound"},
        "Not carried out in a dry run: go (post)",
    ),
    "dry question": (
        "dry_run_step_skipped",
        {"action": "human_approval", "binding": "approval", "ref": "approved"},
        "Not carried out in a dry run: Ask the boss, decided by itself: approved",
    ),
    "mock": ("step_mock_applied", {"action": "post", "binding": "agent_http"}, "A mock answered: go (post)"),
    "test data": (
        "step_test_override_applied",
        {"step_id": "go", "override": {"a": 1}},
        'Test data stood in: go: {"a": 1}',
    ),
    "budget": ("budget_warning", {"cap": "run", "percent": 80}, "Budget is nearly used up: 80 % of run"),
}


@pytest.mark.parametrize("name", SAID)
def test_an_event_is_told_in_plain_words(name: str):
    event_type, payload, expected = SAID[name]
    told = words(event_type, payload, node_id="ask", step_id="go", name=lambda node: NAMES.get(node, node))
    assert f"{told.title}: {told.detail}" == expected


def test_a_model_node_that_was_not_carried_out_is_told_by_its_name():
    told = words(
        "dry_run_step_skipped", {"action": "llm_call", "binding": "llm"}, node_id="pay", name=NAMES.__getitem__
    )
    assert told.detail == "Pay"


def test_an_event_that_nobody_has_words_for_is_told_by_its_type():
    assert words("something_new", {}).title == "Something new"
