"""What somebody asks for who starts a run, and what they get."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from orchestration.choices import TriggerType
from orchestration.models import Run


@dataclass(frozen=True, slots=True)
class Cause:
    """What starts a run. `by` is the identity unless a trigger names another source.

    `payload` and `attributes` are what a trigger received. A child names its parent and the visit that asked for it;
    `exact_pin` says that its version was written out. A retry and a fork name the run they repeat.
    """

    trigger_type: TriggerType = TriggerType.MANUAL
    by: str = ""
    payload: Any = None
    attributes: Any = None
    parent: Run | None = None
    parent_path: str = ""
    exact_pin: bool = False
    retry_of: Run | None = None
    forked_from: Run | None = None

    @property
    def repeats(self) -> bool:
        """Whether it may use a deprecated version."""
        return self.exact_pin or self.retry_of is not None or self.forked_from is not None


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A wish to start a run. Without version and channel the highest channel decides.

    `from_text`: inputs come from a form and are converted to their types. `execution_mode` and
    `mock_external_calls` can only be stricter than the document. `labels` maps names to texts.
    """

    procedure_id: str
    procedure_version: str | None = None
    input_vars: Mapping[str, Any] = field(default_factory=dict)
    from_text: bool = False
    release_channel: str | None = None
    project_id: UUID | None = None
    case_id: str = ""
    title: str = ""
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    execution_mode: str | None = None
    mock_external_calls: bool | None = None
    test_data_overrides: Mapping[str, Any] = field(default_factory=dict)
    cause: Cause = field(default_factory=Cause)


@dataclass(frozen=True, slots=True)
class Started:
    """The run; `deduplicated` when it is an earlier one with the same dedupe key."""

    run: Run
    deduplicated: bool = False
