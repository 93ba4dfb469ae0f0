"""Reading a model's answer, and what a model is told: pure, without a model."""

from typing import Any

import pytest

from orchestration.runtime.context import Told
from orchestration.runtime.executors import prompting
from orchestration.runtime.executors.llm_action import read
from procedures.ckp.document import LlmActionNode


def asking(**fields: Any) -> LlmActionNode:
    return LlmActionNode(prompt="p", **fields)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        ' \n{"a": 1}\n ',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}\n```',
        '  ```JSON  \n{"a": 1}```\n',
        '```{"a": 1}```',
        '```json {"a": 1} ```',
        '``` json5\r\n{"a": 1}\r\n```',
    ],
)
def test_one_code_fence_is_removed(text: str) -> None:
    answer = read(asking(json_mode=True), text)
    assert (answer.result, answer.faults) == ({"a": 1}, [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "The text is not JSON"),
        ('Here it is: {"a": 1}', "The text is not JSON"),
        ('```\n```json\n{"a": 1}\n```\n```', "The text is not JSON"),
        ('{"a": 1} {"b": 2}', "The text is not JSON"),
        ('{"a": NaN}', "The text is not JSON"),
        ("[" * 5000, "nested too deep"),
        ("[1]", "The answer must be a JSON object."),
        ("null", "The answer must be a JSON object."),
        ('"{}"', "The answer must be a JSON object."),
    ],
)
def test_other_texts_are_no_answer(text: str, fault: str) -> None:
    (found,) = read(asking(json_mode=True), text).faults
    assert fault in found


def test_without_json_every_text_is_an_answer() -> None:
    answer = read(asking(), "```json\n{{ a }}\n```")
    assert (answer.result, answer.faults) == ("```json\n{{ a }}\n```", [])


def test_a_schema_may_ask_for_another_kind() -> None:
    node = asking(output_schema={"type": "array", "items": {"type": "integer"}})
    assert read(node, "[1, 2]").result == [1, 2]
    assert read(node, '[1, "b"]').faults == ["/1: 'b' is not of type 'integer'"]
    assert not node.answers_object
    assert "one JSON value" in prompting._form(node)


@pytest.mark.parametrize("extra", [{}, {"_next_node": {"type": "string"}}])
def test_a_closed_schema_leaves_room_for_the_way(extra: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"a": {}, **extra}, "additionalProperties": False}
    node = asking(output_schema=schema, orchestration_mode=True, branches=["x", "y"])
    answer = read(node, '{"a": 1, "_next_node": "y"}')
    assert (answer.target, answer.faults) == ("y", [])
    assert len(read(node, '{"b": 1, "_next_node": "z"}').faults) == 2


def test_a_correction_is_shown_in_its_own_words() -> None:
    said = Told('{"a": "secret"}', "***")
    assistant, user = prompting.correction(said, ["/a: 'secret' is wrong"], ["/a"])
    assert (assistant.role, user.role) == ("assistant", "user")
    assert "'secret' is wrong" in user.content.value
    assert "secret" not in user.content.shown
