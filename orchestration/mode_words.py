"""How a run deals with the world outside, in words; nothing for a real one. Pure."""

from typing import Protocol

from orchestration.choices import ExecutionMode

WORDS = {ExecutionMode.DRY_RUN: "Dry run", ExecutionMode.VALIDATION_ONLY: "Validation only"}


class Modal(Protocol):
    """A run, as far as its mode goes."""

    @property
    def execution_mode(self) -> str: ...
    @property
    def mock_external_calls(self) -> bool: ...
    @property
    def is_test(self) -> bool: ...


def mode_words(run: Modal) -> str:
    """The strictest mode that holds: "Dry run", "Calls mocked", "Test run"."""
    if run.execution_mode in WORDS:
        return WORDS[ExecutionMode(run.execution_mode)]
    if run.mock_external_calls:
        return "Calls mocked"
    return "Test run" if run.is_test else ""
