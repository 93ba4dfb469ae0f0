"""A model server for tests: answers as told, and remembers what it was asked."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from tests.servers import Reply, Request, serving

Question: TypeAlias = dict[str, Any]
Say: TypeAlias = str | dict[str, Any] | Reply | Callable[[Question], "Say"]


def completion(content: Any, model: str = "gpt-4o", finish: str = "stop", prompt: int = 100, answer: int = 20) -> Reply:
    """An answer 200 with one choice and its usage."""
    usage = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return Reply(body=json.dumps({"id": "x", "model": model, "choices": [choice], "usage": usage}).encode())


def failing(status: int, message: str = "", headers: dict[str, str] | None = None) -> Reply:
    """An answer with another status, in the form of providers."""
    error = {"error": {"message": message, "type": "some_type", "code": "some_code"}}
    return Reply(status, json.dumps(error).encode(), headers or {})


class FakeModel:
    """Gives its answers in order, the last one again and again. A text or an object is what the model says."""

    def __init__(self, answers: Sequence[Say]) -> None:
        self.answers = list(answers)
        self.questions: list[Question] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    @property
    def models(self) -> list[str]:
        """The models that were asked, in order."""
        return [question["model"] for question in self.questions]

    def said(self, index: int = 0) -> list[tuple[str, Any]]:
        """The turns of a question: role and content."""
        return [(message["role"], message["content"]) for message in self.questions[index]["messages"]]

    def reply(self, request: Request) -> Reply:
        assert (request.method, request.path) == ("POST", "/v1/chat/completions")
        question = json.loads(request.body)
        self.questions.append(question)
        self.headers.append(request.headers)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        while callable(answer):
            answer = answer(question)
        if isinstance(answer, Reply):
            return answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return completion(text, model=question["model"])


def late(seconds: float, answer: Say = "late") -> Callable[[Question], Say]:
    """An answer that comes after a while."""

    def wait(question: Question) -> Say:
        time.sleep(seconds)
        return answer

    return wait


@contextmanager
def fake_model(*answers: Say) -> Iterator[FakeModel]:
    """A model that is served on this machine inside the block; `url` is its base."""
    model = FakeModel(answers or ["fine"])
    with serving(model.reply) as server:
        model.url = f"{server.url}/v1"
        yield model
