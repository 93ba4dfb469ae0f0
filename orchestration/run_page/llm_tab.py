"""The tab LLM: what the run asked models, with tokens, cost and time."""

from functools import cached_property

from orchestration.model_calls import ModelCall, calls_of
from orchestration.run_page.subject import Subject
from procedures.ckp.document import LlmActionNode


class LlmTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def calls(self) -> list[tuple[ModelCall, str]]:
        """The latest questions of what is selected, the newest first, each with its place in words."""
        subject = self._subject
        found = calls_of(subject.run, subject.redactor, subject.selection.filter())
        return [(call, subject.place(call.path)) for call in found]


def asks_models(subject: Subject) -> bool:
    """Whether the run may ask a model at all."""
    return any(isinstance(node, LlmActionNode) for node in subject.document.nodes.values())
