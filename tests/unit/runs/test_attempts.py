"""The attempts of steps, told by events."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.attempts import attempts, handling_words, policy
from procedures.ckp.compile import compile_document
from procedures.ckp.document import Document

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Told:
    event_type: str
    seconds: float = 0
    attempt: int | None = 1
    payload: dict[str, Any] = field(default_factory=dict)
    path: str = "post"
    step_id: str = "send"

    @property
    def created_at(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


def failed(seconds: float, attempt: int, then: str = "retry") -> Told:
    return Told("step_failed", seconds, attempt, {"error_class": "agent_busy", "error": "Busy", "then": then})


def test_a_retry_says_its_delay_and_how_it_was_spaced():
    first, second = attempts(
        [
            Told("step_started", 0, 1, {"action": "pay", "agent_id": "sap-1", "params": {"amount": 7}}),
            failed(4, 1),
            Told("step_retry_scheduled", 4, 1, {"delay_ms": 2000, "strategy": "exponential_backoff"}),
            Told("step_started", 6, 2, {"action": "pay", "agent_id": "sap-2"}),
            Told("step_completed", 9, 2, {"result": "ok", "duration_ms": 3000}),
        ]
    )["post", "send"]
    assert (first.state, first.seconds, first.agent, first.params) == ("failed", 4, "sap-1", {"amount": 7})
    assert (first.error_class, first.error) == ("agent_busy", "Busy")
    assert (first.decision, first.delay, first.strategy) == ("retry", 2, "exponential_backoff")
    assert (second.state, second.seconds, second.agent, second.result) == ("completed", 3, "sap-2", "ok")
    assert second.decision == ""


def test_a_handler_answers_for_the_attempt_before_it():
    (only,) = attempts(
        [
            failed(4, 1, "fail"),
            Told("error_handled", 5, None, {"handler": 0, "action": "fallback", "next_node_id": "tell"}),
        ]
    )["post", "send"]
    assert (only.decision, only.handler, only.handler_action, only.target) == ("handler", 1, "fallback", "tell")


def test_what_nobody_answers_for_is_given_up():
    (only,) = attempts([failed(4, 3, "fail")])["post", "send"]
    assert (only.number, only.decision) == (3, "fail")


def test_what_stood_in_is_told_with_the_attempt_it_stood_in_for():
    told = [Told("step_mock_applied", 0, None), Told("step_completed", 1, 1), Told("step_timeout", 2, 2)]
    first, second = attempts(told)["post", "send"]
    assert first.notes == ["mocked: nothing was sent"]
    assert second.notes == ["took too long"]


def test_a_result_taken_again_is_no_attempt():
    assert attempts([Told("step_completed", 1, 1, {"cached": True})]) == {}


def test_each_handling_of_a_failure_has_attempts_of_its_own():
    paths = ["each[2]/post", "each[2]/post!0", "each[2]/post!0#2", "each[2]/post~undo"]
    told = attempts([Told("step_completed", path=path) for path in paths])
    assert list(told) == [(path, "send") for path in paths]
    assert [handling_words(path) for path in paths] == ["", "handler 1", "handler 1, time 2", "undoing"]


def document(step: dict[str, Any], **root: Any) -> Document:
    source = {
        "procedure_id": "p",
        "version": "1.0.0",
        "workflow_graph": {
            "start_node": "a",
            "nodes": {
                "a": {
                    "type": "sequence",
                    "steps": [{"step_id": "s", "action": "log", "message": "x", **step}],
                    "next_node": "end",
                },
                "end": {"type": "terminate"},
            },
        },
        **root,
    }
    found = compile_document(source).document
    assert found is not None
    return found


def test_a_policy_is_told_in_words():
    assert policy(document({}), "a", "s") == ""
    assert policy(document({"retry_on_failure": True}), "a", "s") == "at most 3 more times, exponential from 1 s"
    fixed = {"retry_config": {"max_retries": 1, "strategy": "fixed", "base_delay_ms": 250}}
    assert policy(document(fixed), "a", "s") == "at most once more, fixed from 0.25 s"
    root = {"global_config": {"retry_policy": {"strategy": "linear", "max_retries": 5}}}
    assert policy(document({"retry_on_failure": True}, **root), "a", "s") == "at most 5 more times, linear from 1 s"
    assert policy(document({"retry_config": {"max_retries": 0}}), "a", "s") == ""
    assert policy(document({}), "nowhere", "s") == ""
