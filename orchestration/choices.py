"""The words of runs (runtime 1, 2, 4, 8)."""

from django.db import models


class RunStatus(models.TextChoices):
    CREATED = "created"
    RUNNING = "running"
    WAITING_APPROVAL = "waiting_approval"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED})
PARKED = frozenset({RunStatus.WAITING_APPROVAL, RunStatus.PAUSED})
OPEN = frozenset(RunStatus) - ENDED


class JobState(models.TextChoices):
    READY = "ready"
    LEASED = "leased"
    PARKED = "parked"
    DONE = "done"


JOB_STATE_OF = {
    RunStatus.CREATED: JobState.READY,
    RunStatus.RUNNING: JobState.LEASED,
    RunStatus.WAITING_APPROVAL: JobState.PARKED,
    RunStatus.PAUSED: JobState.PARKED,
    RunStatus.COMPLETED: JobState.DONE,
    RunStatus.FAILED: JobState.DONE,
    RunStatus.CANCELED: JobState.DONE,
}


class ExecutionMode(models.TextChoices):
    PRODUCTION = "production"
    DRY_RUN = "dry_run"
    VALIDATION_ONLY = "validation_only"


class Compensation(models.TextChoices):
    """How far the undoing of a run is that ends failed or canceled."""

    NONE = ""
    WANTED = "wanted"
    STARTED = "started"
    DONE = "done"


class TriggerType(models.TextChoices):
    MANUAL = "manual"
    SCHEDULED = "scheduled"
    WEBHOOK = "webhook"
    EVENT = "event"
    FILE_WATCH = "file_watch"
    SUBFLOW = "subflow"


class VisitState(models.TextChoices):
    OPEN = "open"
    DONE = "done"


class StepState(models.TextChoices):
    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"


MODEL_CALL = "llm_call"
"""The action under which the calls of models are recorded."""


class KeyScope(models.TextChoices):
    RUN = "run"
    PROCEDURE = "procedure"
    GLOBAL = "global"


class WaitKind(models.TextChoices):
    APPROVAL = "approval"
    CALLBACK = "callback"
    TIMER = "timer"
    RETRY = "retry"
    CAPACITY = "capacity"
    BUDGET = "budget"
    SUBFLOW = "subflow"
    OPERATOR = "operator"


class WaitState(models.TextChoices):
    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    CANCELED = "canceled"


VALIDATIONS = "!validations"
"""Ends the path at which the checks are recorded that agents make after the steps of a visit."""


class Classification(models.TextChoices):
    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class BulkVerb(models.TextChoices):
    CANCEL = "cancel"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete"
    TAG = "tag"


class BulkState(models.TextChoices):
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELED = "canceled"


class ItemState(models.TextChoices):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
