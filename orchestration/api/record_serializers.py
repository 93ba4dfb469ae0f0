"""What stands behind runs, on the wire: steps, diagnostics, checkpoints, the queue (api 5)."""

from typing import Any

from rest_framework import serializers

from orchestration.api.serializers import WaitingOut
from orchestration.choices import JobState, RunStatus, StepState, WaitKind
from tenants.api.paging import DEFAULT_LIMIT, HIGHEST_LIMIT, HIGHEST_OFFSET, PageQuery

Form = serializers.Serializer[Any]


class StepQuery(PageQuery):
    node_id = serializers.CharField(required=False, max_length=128)
    status = serializers.ChoiceField(choices=StepState.choices, required=False)


class StepOut(Form):
    path = serializers.CharField()
    node_id = serializers.CharField()
    step_id = serializers.CharField()
    action = serializers.CharField()
    status = serializers.ChoiceField(choices=StepState.choices)
    attempt = serializers.IntegerField()
    agent_id = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField()
    duration_ms = serializers.FloatField(allow_null=True)
    error = serializers.DictField(allow_null=True)
    params = serializers.DictField(allow_null=True)
    result = serializers.JSONField(allow_null=True)


class CheckpointQuery(Form):
    limit = serializers.IntegerField(min_value=1, max_value=HIGHEST_LIMIT, default=DEFAULT_LIMIT)
    offset = serializers.IntegerField(min_value=0, max_value=HIGHEST_OFFSET, default=0)
    order = serializers.ChoiceField(choices=["asc", "desc"], default="desc")


class IdempotencyEntry(Form):
    node_id = serializers.CharField()
    step_id = serializers.CharField()
    path = serializers.CharField()
    idempotency_key = serializers.CharField()
    status = serializers.ChoiceField(choices=StepState.choices)
    has_cached_result = serializers.BooleanField()
    attempt = serializers.IntegerField()
    updated_at = serializers.DateTimeField()


class DoubtOut(Form):
    path = serializers.CharField()
    node_id = serializers.CharField()
    step_id = serializers.CharField()
    action = serializers.CharField()
    attempt = serializers.IntegerField()
    idempotency_key = serializers.CharField()
    started_at = serializers.DateTimeField()


class OpenWait(Form):
    path = serializers.CharField()
    step_id = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(choices=WaitKind.choices)
    ref = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    sentence = serializers.CharField()


class LeaseOut(Form):
    lease_id = serializers.CharField()
    resource_key = serializers.CharField()
    agent_id = serializers.CharField()
    run_id = serializers.UUIDField()
    node_id = serializers.CharField()
    step_id = serializers.CharField()
    fence = serializers.IntegerField()
    acquired_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    released_at = serializers.DateTimeField(allow_null=True)
    is_active = serializers.BooleanField()


class WorkerOut(Form):
    id = serializers.CharField()
    fence = serializers.IntegerField()
    lease_until = serializers.DateTimeField()


class JobOut(Form):
    state = serializers.ChoiceField(choices=JobState.choices)
    priority = serializers.IntegerField()
    available_at = serializers.DateTimeField()
    ready_since = serializers.DateTimeField()
    wake_seq = serializers.IntegerField()
    taken_seq = serializers.IntegerField()
    losses = serializers.IntegerField()
    cause = serializers.CharField()


class ChildOut(Form):
    run_id = serializers.UUIDField()
    procedure_id = serializers.CharField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    path = serializers.CharField()


class Diagnostics(Form):
    run_id = serializers.UUIDField()
    thread_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    last_node_id = serializers.CharField(allow_null=True)
    last_step_id = serializers.CharField(allow_null=True)
    has_retry_event = serializers.BooleanField()
    idempotency_entries = IdempotencyEntry(many=True, help_text="At most 500.")
    active_leases = LeaseOut(many=True)
    waits = OpenWait(many=True)
    in_doubt = DoubtOut(many=True)
    worker = WorkerOut(allow_null=True)
    job = JobOut()
    children = ChildOut(many=True)
    total_events = serializers.IntegerField()
    error_events = serializers.IntegerField()


class CheckpointOut(Form):
    checkpoint_id = serializers.CharField()
    thread_id = serializers.CharField()
    parent_checkpoint_id = serializers.CharField(allow_null=True)
    step = serializers.IntegerField()
    writes = serializers.DictField(help_text="What the visit's node set.")
    created_at = serializers.DateTimeField()


class CheckpointDetail(Form):
    checkpoint_id = serializers.CharField()
    thread_id = serializers.CharField()
    channel_values = serializers.DictField(help_text="The variables after the visit.")
    metadata = serializers.DictField()
    pending_writes = serializers.ListField(child=serializers.JSONField())
    versions_seen = serializers.DictField()


class NextJob(Form):
    job_id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["queued", "retrying"])
    priority = serializers.IntegerField()
    attempts = serializers.IntegerField(help_text="How often a worker was lost in a row.")
    max_attempts = serializers.IntegerField()
    available_at = serializers.DateTimeField()
    locked_by = serializers.CharField(allow_null=True)
    waiting_for = WaitingOut(allow_null=True)


class QueueOut(Form):
    depth_by_status = serializers.DictField(child=serializers.IntegerField())
    total_pending = serializers.IntegerField()
    total_running = serializers.IntegerField()
    total_done = serializers.IntegerField()
    total_failed = serializers.IntegerField()
    next_jobs = NextJob(many=True)
