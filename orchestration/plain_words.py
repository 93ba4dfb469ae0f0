"""What people read for the words that records use. Pure."""

from collections.abc import Mapping
from typing import Final

WAITS: Final[Mapping[str, str]] = {
    "approval": "a decision",
    "callback": "an agent's answer",
    "timer": "its time",
    "retry": "its next try",
    "capacity": "its turn",
    "budget": "money",
    "subflow": "a run that it started",
    "operator": "the end of a hold",
}
"""What a run or node waits for, by the kind of the wait."""

ANSWERED: Final[Mapping[str, str]] = {
    "approval": "decided",
    "callback": "an agent answered",
    "timer": "its time has come",
    "retry": "it is time for the next try",
    "capacity": "it is its turn",
    "budget": "there is money",
    "subflow": "the run that it started has ended",
    "operator": "the hold was lifted",
    "deadline": "a limit of time has passed",
}
"""Why a wait is over, by its kind."""

RESUMED: Final[Mapping[str, str]] = {
    **{f"{kind}_resume": words for kind, words in ANSWERED.items()},
    "retry_fallback": "tried again from where it stopped",
    "takeover": "taken over from a worker that was lost",
    "handed_back": "taken up from the worker before",
    "compensation": "to be undone",
    "fork": "from where it was forked",
}
"""Why a worker took a run up again."""

WITHDRAWN: Final[Mapping[str, str]] = {
    "run_ended": "the run has ended",
    "branch_stopped": "its branch was stopped",
    "not_waiting": "nothing waits for it any more",
    "node_timeout": "its node took too long",
    "run_timeout": "the run took too long",
    "sla_breached": "its node took longer than agreed",
}
"""Why a question was withdrawn."""

DUE: Final[Mapping[str, str]] = {
    "auto_approve": "approved by itself",
    "auto_reject": "rejected by itself",
    "escalate": "nobody decided, also after the escalation",
    "": "nobody decided",
}
"""What became of a question at its due time, by its `timeout_action`."""

HANDLED: Final[Mapping[str, str]] = {
    "retry": "tried again",
    "retry_node": "the node is visited again",
    "ignore": "ignored, went on",
    "fail": "gave up",
    "screenshot_and_fail": "took a screenshot, gave up",
    "fallback": "fell back",
    "escalate": "told people",
}
"""What a handler did about an error."""

BREACHES: Final[Mapping[str, str]] = {
    "warn": "a warning, the node goes on",
    "fail": "the node fails",
    "escalate": "escalated",
}
"""What follows when a node takes longer than agreed."""

ODD: Final[Mapping[str, str]] = {
    "type_mismatch": "values of different kinds were compared",
    "null_comparison": "something was compared with nothing",
}
"""What was odd in an expression."""

CHECKPOINTS: Final[Mapping[str, str]] = {
    "pin": "as the procedure asks",
    "long": "after many visits",
    "park": "before a wait",
}
"""Why a checkpoint was saved."""

GIVEN_BACK: Final[Mapping[str, str]] = {"compensation": "to be undone first"}
"""Why a worker gave a run back, where the record does not say so itself."""
