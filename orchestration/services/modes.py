"""Test and dry modes: what the document says, and what a start makes stricter (runtime 12)."""

from dataclasses import dataclass
from typing import Any

from langorch.lib.errors import Invalid, Place
from orchestration.choices import ExecutionMode
from orchestration.models import Run
from orchestration.services.request import StartRequest
from procedures.ckp.document import Document

STRICTNESS = {ExecutionMode.PRODUCTION: 0, ExecutionMode.DRY_RUN: 1, ExecutionMode.VALIDATION_ONLY: 2}


@dataclass(frozen=True, slots=True)
class Mode:
    """How a run deals with the world outside."""

    execution_mode: ExecutionMode
    mock_external_calls: bool
    test_data_overrides: dict[str, Any]

    @property
    def is_test(self) -> bool:
        return self.execution_mode != ExecutionMode.PRODUCTION or self.mock_external_calls


def mode_of(wanted: StartRequest, document: Document) -> Mode:
    """The mode of a start. Raises `Invalid` for one that is unknown or weaker than the document's."""
    config, parent = document.global_config, wanted.cause.parent
    least = [ExecutionMode(config.execution_mode), *([ExecutionMode(parent.execution_mode)] if parent else [])]
    floor = max(least, key=STRICTNESS.__getitem__)
    mocked = config.mock_external_calls or bool(parent and parent.mock_external_calls)
    if wanted.mock_external_calls is False and mocked:
        raise _weaker("mock_external_calls", "The document mocks calls outside; a start cannot turn that off.")
    overrides = dict(config.test_data_overrides) | dict(wanted.test_data_overrides)
    return Mode(_execution_mode(wanted, floor), mocked or bool(wanted.mock_external_calls), overrides)


def is_mocked(run: Run) -> bool:
    """Whether mocks are what makes the run no real one."""
    return run.mock_external_calls and run.execution_mode == ExecutionMode.PRODUCTION


def _execution_mode(wanted: StartRequest, floor: ExecutionMode) -> ExecutionMode:
    if wanted.execution_mode is None:
        return floor
    if wanted.execution_mode not in ExecutionMode.values:
        raise _weaker("execution_mode", f"Must be one of {', '.join(ExecutionMode.values)}.")
    asked = ExecutionMode(wanted.execution_mode)
    if STRICTNESS[asked] < STRICTNESS[floor]:
        raise _weaker("execution_mode", f"The document asks for {floor}; a start can only be stricter.")
    return asked


def _weaker(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", places=[Place(message, field=name)])
