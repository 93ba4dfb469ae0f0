"""The chat form that models are asked in, and their answers read strictly (protocols 9). Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
MOST_SAID: Final = 500
"""Characters of a provider's own words that an error keeps."""
LONGEST_DELAY: Final = 31 * 86_400
"""Seconds that are read of a wish to wait, however large it is."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: `content` is a text, or parts of a text and pictures in the provider's form."""

    role: str
    content: str | list[dict[str, Json]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked. `options` go out as they are; `schema` is what a JSON answer must fit, if known."""

    model: str
    messages: Sequence[Message]
    options: Mapping[str, Json] = field(default_factory=dict)
    json_mode: bool = False
    schema: Mapping[str, Json] | None = None

    def body(self) -> dict[str, Json]:
        """The request as it is sent."""
        messages = [{"role": message.role, "content": message.content} for message in self.messages]
        return {"model": self.model, "messages": messages, **self.options, **self._format()}

    def _format(self) -> dict[str, Json]:
        if not self.json_mode:
            return {}
        if self.schema is None:
            return {"response_format": {"type": "json_object"}}
        described = {"name": "answer", "schema": self.schema}
        return {"response_format": {"type": "json_schema", "json_schema": described}}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a call used."""

    prompt: int
    completion: int


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer. `model` is what the provider says it was; `usage` is none where it does not say."""

    text: str
    model: str
    finish_reason: str
    usage: Usage | None


class ModelFailed(Exception):
    """A call brought no usable answer; `error_class` is out of runtime 11.

    `falls_back`: another model may do better. `network`: nothing came back. `worked`: a model may have worked on it, so
    that it is to be paid for; `usage` says what, where that is known.
    """

    def __init__(
        self,
        error_class: str,
        message: str,
        *,
        falls_back: bool = False,
        network: bool = False,
        timed_out: bool = False,
        http_status: int | None = None,
        error_type: str = "",
        code: str = "",
        retry_after: float | None = None,
        worked: bool = False,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.falls_back = falls_back
        self.network = network
        self.timed_out = timed_out
        self.http_status = http_status
        self.error_type = error_type
        self.code = code
        self.retry_after = retry_after
        self.worked = worked
        self.usage = usage


def read(body: bytes, asked: str) -> Completion:
    """The completion in the body of an answer 200 to a question for the model `asked`. Raises `ModelFailed`."""
    answer = _object(body)
    usage = _usage(answer.get("usage"))
    unusable = partial(ModelFailed, worked=True, usage=usage)
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise unusable("llm_error", "The answer has no choice.")
    reason = str(choice.get("finish_reason") or "")
    if reason == "length":
        raise unusable("llm_truncated", "The answer was cut off at the limit of tokens.")
    if reason == "content_filter" or message.get("refusal"):
        said = str(message.get("refusal") or "the provider's filter")[:MOST_SAID]
        raise unusable("llm_refused", f"The model refused to answer: {said}")
    text = _text(message.get("content"))
    if not text:
        raise unusable("llm_error", "The answer has no content.")
    return Completion(text, str(answer.get("model") or asked), reason, usage)


def refused(status: int, headers: Mapping[str, str], body: bytes) -> ModelFailed:
    """What an answer with another status than 200 means."""
    error_type, code, said = _fault(body)
    message = f"The model's endpoint answered {status}{f': {said}' if said else '.'}"
    kind = _class_of(status)
    return ModelFailed(
        kind,
        message,
        falls_back=kind != "llm_rejected",
        http_status=status,
        error_type=error_type,
        code=code,
        retry_after=_seconds(headers.get("retry-after", "")),
    )


def _class_of(status: int) -> str:
    if status == 429:
        return "llm_rate_limited"
    return "llm_error" if status == 408 or status >= 500 else "llm_rejected"


def _object(body: bytes) -> dict[str, Json]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise ModelFailed("llm_error", "The answer is not JSON.", worked=True) from None
    if not isinstance(answer, dict):
        raise ModelFailed("llm_error", "The answer is not a JSON object.", worked=True)
    return answer


def _usage(value: Json) -> Usage | None:
    if not isinstance(value, dict):
        return None
    prompt, completion = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens", 0))
    return None if prompt is None or completion is None else Usage(prompt, completion)


def _count(value: Json) -> int | None:
    return value if type(value) is int and 0 <= value < 2**40 else None


def _text(content: Json) -> str:
    """The text of a content, joined where it comes in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _fault(body: bytes) -> tuple[str, str, str]:
    """The type, code and message that providers put under `error`; what is there may have any form."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return "", "", ""
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, str):
        return "", "", error[:MOST_SAID]
    if not isinstance(error, dict):
        return "", "", ""
    kind, code, message = (str(error.get(name) or "") for name in ("type", "code", "message"))
    return kind[:100], code[:100], message[:MOST_SAID]


def _seconds(text: str) -> float | None:
    return min(float(text), LONGEST_DELAY) if text.isascii() and text.isdigit() else None
