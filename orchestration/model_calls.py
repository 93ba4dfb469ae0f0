"""What a run asked models: each question with its turns as they may be shown, the answer, tokens, cost and time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from langorch.lib.redaction import Redactor
from orchestration.choices import MODEL_CALL
from orchestration.models import Event, Run, StepRecord

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of what a model was told; pictures are left out."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One question. Tokens, cost (USD) and time are those of all its attempts that were answered.

    None where nobody said, or where there is no price. `model` is who answered last, or who was to.
    """

    path: str
    node_id: str
    step_id: str
    state: str
    attempt: int
    started_at: datetime
    model: str
    fallback: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    seconds: float | None
    turns: Sequence[Turn]
    answer: str
    error: str


def calls_of(run: Run, redactor: Redactor, wanted: Q | None = None) -> list[ModelCall]:
    """The latest questions of a run, the newest first; `wanted` narrows them."""
    steps = StepRecord.objects.filter(wanted or Q(), run=run, action=MODEL_CALL).order_by("-id")[:MOST]
    used = _usages(run, steps)
    return [_call(step, used[step.path, step.step_id], redactor) for step in steps]


def _usages(run: Run, steps: Iterable[StepRecord]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    told = Event.objects.filter(run=run, event_type="llm_usage", path__in={step.path for step in steps})
    for path, step_id, payload in told.order_by("seq").values_list("path", "step_id", "payload"):
        found[path, step_id].append(payload)
    return found


def _call(step: StepRecord, used: Sequence[Mapping[str, Any]], redactor: Redactor) -> ModelCall:
    params, result = redactor.redact(step.params or {}), redactor.redact(step.result or {})
    latest = used[-1] if used else {}
    milliseconds = _sum(used, "latency_ms")
    return ModelCall(
        step.path,
        step.node_id,
        step.step_id,
        step.state,
        step.attempt,
        step.started_at,
        latest.get("model") or params.get("model") or "",
        bool(latest.get("fallback")),
        _sum(used, "prompt_tokens"),
        _sum(used, "completion_tokens"),
        _sum(used, "cost_usd"),
        None if milliseconds is None else milliseconds / 1000,
        [Turn(turn["role"], _text(turn["content"])) for turn in params.get("messages", ())],
        result.get("shown", ""),
        redactor.redact((step.error or {}).get("message", "")),
    )


def _sum(used: Sequence[Mapping[str, Any]], name: str) -> Any:
    known = [one[name] for one in used if one.get(name) is not None]
    return sum(known) if known else None


def _text(content: Any) -> str:
    """The text of a turn; of parts, the texts one below the other."""
    if isinstance(content, str):
        return content
    return "\n\n".join(part.get("text") or f"({part.get('type')})" for part in content)
