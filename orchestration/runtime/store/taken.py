"""What a drive needs to know of the run that it took."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from orchestration.runtime.outcomes import Json

MARGIN: Final = 256
"""A limit that is farther away than this is not reached by those who claim at the same moment."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A run that would be next, unless a limit that is near, or its time in the queue, keeps it from being taken."""

    pk: UUID


@dataclass(frozen=True, slots=True)
class Taken:
    """The columns that a claim returns. `fresh`: nobody has driven the run before; `fence` is the new one.

    `lane` is not empty where a limit of the document counts the run; nor `compensation` where its work is undone.
    """

    pk: UUID
    tenant_id: UUID
    project_id: UUID | None
    document_id: UUID
    procedure_key: str
    procedure_version: str
    title: str
    initiator_id: UUID | None
    retry_count: int
    trigger_type: str
    triggered_by: str
    input_vars: dict[str, Json]
    fence: int
    fresh: bool
    cause: str
    losses: int
    execution_mode: str
    mock_external_calls: bool
    test_data_overrides: dict[str, Json]
    active_from: datetime
    lane: str
    compensation: str

    def __str__(self) -> str:
        return self.title or f"{self.procedure_key}@{self.procedure_version}"


def uuid(value: Any) -> UUID | None:
    """A UUID from what a driver returns."""
    return value if value is None or isinstance(value, UUID) else UUID(value)


def taken(row: tuple[Any, ...]) -> Taken:
    """The claim from its row, the columns in order."""
    run_id, tenant_id, project_id, document_id, key, version, title, initiator_id, *rest = row
    retry_count, trigger_type, triggered_by, inputs, fence, fresh, *more = rest
    cause, losses, mode, mocked, overrides, active_from, *last = more
    return Taken(
        UUID(str(run_id)),
        UUID(str(tenant_id)),
        uuid(project_id),
        UUID(str(document_id)),
        key,
        version,
        title,
        uuid(initiator_id),
        retry_count,
        trigger_type,
        triggered_by,
        _json(inputs),
        fence,
        bool(fresh),
        cause,
        losses,
        mode,
        bool(mocked),
        _json(overrides),
        _moment(active_from),
        *map(str, last),
    )


def _moment(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
