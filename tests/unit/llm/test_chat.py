"""What models are asked and how their answers are read: every form of answer has one meaning."""

import json
from decimal import Decimal
from typing import Any

import pytest

from agents.llm import chat
from agents.llm.chat import Message, ModelFailed, Question, Usage
from agents.llm.prices import BUILT_IN, Price, price_of


def answer(message: Any = None, finish: str = "stop", **more: Any) -> bytes:
    message = {"content": "hi"} if message is None else message
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return json.dumps({"choices": [{"message": message, "finish_reason": finish}], "usage": usage, **more}).encode()


def fault(body: bytes) -> ModelFailed:
    with pytest.raises(ModelFailed) as caught:
        chat.read(body, "m")
    return caught.value


def test_a_question_holds_only_what_is_given() -> None:
    plain = Question("m", [Message("user", "hi")], {"temperature": 0, "stop": ["x"]})
    assert plain.body() == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0,
        "stop": ["x"],
    }


def test_json_is_asked_for_as_the_model_can() -> None:
    asked = Question("m", [], json_mode=True).body()
    assert asked["response_format"] == {"type": "json_object"}
    schema = {"type": "object"}
    asked = Question("m", [], json_mode=True, schema=schema).body()
    assert asked["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def test_an_answer_is_read() -> None:
    found = chat.read(answer(model="m-2026"), "m")
    assert (found.text, found.model, found.finish_reason, found.usage) == ("hi", "m-2026", "stop", Usage(3, 2))


def test_content_may_come_in_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "other"}, {"type": "text", "text": "b"}]
    assert chat.read(answer({"content": parts}), "m").text == "ab"


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "3"}, {"prompt_tokens": -1}, {"prompt_tokens": 1.5}, []])
def test_usage_that_is_not_said_is_unknown(usage: Any) -> None:
    assert chat.read(answer(usage=usage), "m").usage is None


@pytest.mark.parametrize(
    ("body", "error_class"),
    [
        (answer(finish="length"), "llm_truncated"),
        (answer(finish="content_filter"), "llm_refused"),
        (answer({"content": None, "refusal": "I cannot"}), "llm_refused"),
        (answer({"content": ""}), "llm_error"),
        (answer({"content": None, "tool_calls": []}), "llm_error"),
        (answer({"content": 5}), "llm_error"),
        (answer(choices=[]), "llm_error"),
        (answer(choices=None), "llm_error"),
        (answer(choices=["x"]), "llm_error"),
        (answer(choices=[{"message": "x"}]), "llm_error"),
        (b"", "llm_error"),
        (b"[]", "llm_error"),
        (b"<html>", "llm_error"),
        (b"\xff\xfe", "llm_error"),
        (b"[" * 100_000, "llm_error"),
    ],
)
def test_answers_that_cannot_be_used(body: bytes, error_class: str) -> None:
    failure = fault(body)
    assert failure.error_class == error_class
    assert not failure.falls_back


def test_what_was_paid_for_is_known_when_the_answer_is_no_use() -> None:
    assert fault(answer(finish="length")).usage == Usage(3, 2)


@pytest.mark.parametrize(
    ("status", "error_class", "falls_back"),
    [
        (429, "llm_rate_limited", True),
        (408, "llm_error", True),
        (500, "llm_error", True),
        (503, "llm_error", True),
        (400, "llm_rejected", False),
        (401, "llm_rejected", False),
        (403, "llm_rejected", False),
        (404, "llm_rejected", False),
        (302, "llm_rejected", False),
    ],
)
def test_other_statuses(status: int, error_class: str, falls_back: bool) -> None:
    failure = chat.refused(status, {"retry-after": "7"}, b'{"error": {"message": "why", "type": "t", "code": 5}}')
    assert (failure.error_class, failure.falls_back, failure.http_status) == (error_class, falls_back, status)
    assert failure.message == f"The model's endpoint answered {status}: why"
    assert (failure.error_type, failure.code, failure.retry_after) == ("t", "5", 7)


@pytest.mark.parametrize(
    "body", [b"", b"oops", b"[]", b'{"error": null}', b'{"error": []}', b'{"error": {"code": {}}}']
)
def test_words_of_a_provider_may_be_missing(body: bytes) -> None:
    failure = chat.refused(500, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, body)
    assert failure.message == "The model's endpoint answered 500."
    assert failure.retry_after is None


def test_a_wish_to_wait_is_a_number_that_can_be_kept() -> None:
    failure = chat.refused(429, {"retry-after": "9" * 400}, b"")
    assert failure.retry_after == 31 * 86_400


def test_long_words_are_cut() -> None:
    assert len(chat.refused(500, {}, json.dumps({"error": "x" * 5000}).encode()).message) < 600


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("gpt-4o", "gpt-4o"),
        ("GPT-4o", "gpt-4o"),
        ("openai/gpt-4o", "gpt-4o"),
        ("azure/eu/gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
        ("gemini-1.5-pro-002", "gemini-1.5-pro"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
    ],
)
def test_names_of_models_are_matched(name: str, known: str) -> None:
    assert price_of(name, {}) == BUILT_IN[known]


@pytest.mark.parametrize("name", ["gpt-4o-audio-preview", "gpt-4ominous", "llama3", "", "gpt"])
def test_other_models_have_no_price(name: str) -> None:
    assert price_of(name, {}) is None


def test_own_prices_come_first() -> None:
    own = {"Local/Llama3": Price(Decimal("1"), Decimal("2")), "gpt-4o": Price(Decimal(0), Decimal(0))}
    assert price_of("llama3", own) == own["Local/Llama3"]
    assert price_of("llama3-2025", own) == own["Local/Llama3"]
    assert price_of("openai/gpt-4o-2024-08-06", own) == own["gpt-4o"]
    assert price_of("gpt-4o-mini", own) == BUILT_IN["gpt-4o-mini"]


def test_the_price_of_a_call() -> None:
    assert BUILT_IN["gpt-4o"].of(Usage(1000, 500)) == Decimal("0.0075")
