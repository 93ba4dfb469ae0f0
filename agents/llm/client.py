"""Asking a model over HTTP (protocols 9)."""

import json
from collections.abc import Callable

from agents.llm import chat
from agents.llm.chat import Completion, ModelFailed, Question
from agents.llm.profiles import Profile
from langorch.lib import http


def ask(
    profile: Profile, question: Question, *, key: str, seconds: float, look: Callable[[], None] | None = None
) -> Completion:
    """The model's completion. `key` is the same for every attempt; `seconds` and `look` bound the call.

    Raises `ModelFailed`, whose words hold nothing that authenticates us, and what `look` raises.
    """
    headers = {"content-type": "application/json", "accept": "application/json", "idempotency-key": key}
    body = json.dumps(question.body(), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    try:
        answer = http.send(
            "POST",
            f"{profile.base_url}/chat/completions",
            kind="llm",
            seconds=seconds,
            headers={**headers, **profile.headers},
            body=body,
            look=look,
        )
        if answer.status != 200:
            raise chat.refused(answer.status, answer.headers, answer.body)
        return chat.read(answer.body, question.model)
    except http.CallFailed as failure:
        raise _unanswered(failure) from None
    except ModelFailed as failure:
        failure.message = profile.redactor.text(failure.message)
        raise


def _unanswered(failure: http.CallFailed) -> ModelFailed:
    if isinstance(failure, http.AddressRefused):
        return ModelFailed("llm_rejected", f"The model's endpoint may not be called: {failure.message}")
    if isinstance(failure, http.TooLarge):
        return ModelFailed("llm_error", f"The model's answer cannot be read: {failure.message}", worked=True)
    timed_out = isinstance(failure, http.TimedOut)
    return ModelFailed(
        "llm_error",
        f"The model's endpoint gave no answer: {failure.message}",
        falls_back=True,
        network=True,
        timed_out=timed_out,
        worked=isinstance(failure, http.TimedOut | http.Unreachable) and failure.sent,
        error_type="timeout" if timed_out else "",
    )
