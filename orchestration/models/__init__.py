"""The whole truth of a run: its row and job, and the records of what it did."""

from orchestration.models.bulk import Bulk, BulkItem
from orchestration.models.event import Artifact, Event
from orchestration.models.key import IdempotencyKey
from orchestration.models.record import Snapshot, StepRecord, Visit, Wait
from orchestration.models.run import Run, RunJob
from orchestration.models.search import SearchValue
from orchestration.models.space import SpaceProbe

__all__ = [
    "Artifact",
    "Bulk",
    "BulkItem",
    "Event",
    "IdempotencyKey",
    "Run",
    "RunJob",
    "SearchValue",
    "Snapshot",
    "SpaceProbe",
    "StepRecord",
    "Visit",
    "Wait",
]
