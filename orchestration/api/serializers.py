"""Runs on the wire: what may be asked and sent, and the shape of what is answered (api 5)."""

from typing import Any

from rest_framework import serializers

from orchestration.choices import ExecutionMode, RunStatus, TriggerType, WaitKind
from orchestration.verbs import RETRY_MODES
from procedures.api.serializers import CHANNEL_SPELLINGS
from procedures.choices import ENVIRONMENTS, Channel
from tenants.api.paging import PageQuery

Form = serializers.Serializer[Any]

OLDER_NAMES = {"procedure_version": ("version",), "input_vars": ("initial_state", "variables", "inputs")}
"""What clients of old call a field; the first name that is there counts, after the field's own."""


class RunQuery(PageQuery):
    """Paging of the list of runs; its filters are those of `RunFilter`."""


class EventQuery(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, default=0, help_text="A seq; only later events are answered.")
    event_type = serializers.CharField(required=False, max_length=48)
    node_id = serializers.CharField(required=False, max_length=128)
    limit = serializers.IntegerField(min_value=1, max_value=5000, default=1000)


class StreamQuery(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, default=0, help_text="A seq. The header Last-Event-ID outranks it.")
    ticket = serializers.CharField(required=False, help_text="Of POST /stream-tickets, for an EventSource.")


class StartIn(Form):
    """A start. The older names `version`, `initial_state`, `variables` and `inputs` are read too."""

    procedure_id = serializers.CharField(max_length=128)
    procedure_version = serializers.CharField(max_length=64, required=False, allow_null=True)
    input_vars = serializers.DictField(required=False, allow_null=True)
    project_id = serializers.UUIDField(required=False, allow_null=True)
    case_id = serializers.CharField(max_length=128, required=False, allow_null=True, allow_blank=True)
    title = serializers.CharField(max_length=300, required=False, allow_null=True, allow_blank=True)
    priority = serializers.IntegerField(min_value=-100, max_value=100, required=False, default=0)
    release_channel = serializers.ChoiceField(choices=sorted(CHANNEL_SPELLINGS), required=False, allow_null=True)
    environment = serializers.ChoiceField(choices=sorted(CHANNEL_SPELLINGS), required=False, allow_null=True)
    execution_mode = serializers.ChoiceField(choices=ExecutionMode.choices, required=False, allow_null=True)
    mock_external_calls = serializers.BooleanField(required=False, allow_null=True)
    test_data_overrides = serializers.DictField(required=False, allow_null=True)
    labels = serializers.DictField(child=serializers.CharField(max_length=200), required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(_with_present_names(data))


class ReasonIn(Form):
    reason = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)


class WhyIn(Form):
    reason = serializers.CharField(max_length=500)


class ReasonQuery(Form):
    reason = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Kept in the audit trail."
    )


class DeletedOut(Form):
    deleted = serializers.BooleanField()
    run_id = serializers.UUIDField()


class RetryIn(ReasonIn):
    mode = serializers.ChoiceField(choices=RETRY_MODES, required=False, allow_null=True)
    input_vars = serializers.DictField(required=False, allow_null=True)
    procedure_version = serializers.CharField(max_length=64, required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(_with_present_names(data))


class ForkIn(Form):
    path = serializers.CharField(max_length=500, help_text="The visit before which the new run begins.")
    step_id = serializers.CharField(required=False, allow_null=True, help_text="Not supported: forks begin at visits.")
    changes = serializers.DictField(required=False, allow_null=True, help_text="Variables as they shall be there.")
    procedure_version = serializers.CharField(max_length=64, required=False, allow_null=True)
    reason = serializers.CharField(max_length=500)

    def validate_step_id(self, value: str | None) -> str | None:
        if value:
            raise serializers.ValidationError("A fork begins at a visit; leave step_id out.", code="not_supported")
        return value


class WaitingOut(Form):
    kind = serializers.ChoiceField(choices=WaitKind.choices)
    ref = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    sentence = serializers.CharField()


class ErrorOut(Form):
    message = serializers.CharField()
    node_id = serializers.CharField(allow_null=True)
    step_id = serializers.CharField(allow_null=True)
    attempt = serializers.IntegerField(allow_null=True)
    path = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        return {"class": serializers.CharField(), **super().get_fields()}


class RunOut(Form):
    """A run. In lists, big `input_vars` and outputs are left out (null)."""

    run_id = serializers.UUIDField()
    thread_id = serializers.UUIDField()
    root_run_id = serializers.UUIDField(allow_null=True)
    parent_run_id = serializers.UUIDField(allow_null=True)
    retry_of = serializers.UUIDField(allow_null=True)
    forked_from = serializers.UUIDField(allow_null=True)
    procedure_id = serializers.CharField()
    procedure_version = serializers.CharField()
    document_hash = serializers.CharField()
    release_channel = serializers.ChoiceField(choices=Channel.choices)
    environment = serializers.ChoiceField(choices=sorted(ENVIRONMENTS.values()))
    is_test = serializers.BooleanField()
    project_id = serializers.UUIDField(allow_null=True)
    case_id = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    labels = serializers.DictField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=RunStatus.choices)
    cancel_requested = serializers.BooleanField()
    execution_mode = serializers.ChoiceField(choices=ExecutionMode.choices)
    mock_external_calls = serializers.BooleanField()
    priority = serializers.IntegerField()
    waiting_for = WaitingOut(allow_null=True)
    waits_open = serializers.IntegerField()
    input_vars = serializers.DictField(allow_null=True)
    output_vars = serializers.DictField(allow_null=True)
    state = serializers.DictField(allow_null=True, help_text="The same as output_vars.")
    variables = serializers.DictField(allow_null=True, help_text="The same as output_vars.")
    outputs = serializers.DictField(allow_null=True, help_text="The same as output_vars.")
    total_prompt_tokens = serializers.IntegerField(allow_null=True)
    total_completion_tokens = serializers.IntegerField(allow_null=True)
    estimated_cost_usd = serializers.FloatField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    duration_seconds = serializers.FloatField(allow_null=True)
    last_node_id = serializers.CharField(allow_null=True)
    last_step_id = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    error = ErrorOut(allow_null=True)
    recovered_via = serializers.CharField(allow_null=True)
    trigger_type = serializers.ChoiceField(choices=TriggerType.choices)
    trigger_id = serializers.CharField(allow_null=True)
    trigger_payload_hash = serializers.CharField(allow_null=True)
    triggered_by = serializers.CharField()
    can = serializers.DictField(help_text="Verb to true, or to the reason why not; for this caller, now.")


class RunEventOut(Form):
    event_id = serializers.IntegerField()
    seq = serializers.IntegerField()
    run_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    event_type = serializers.CharField()
    node_id = serializers.CharField(allow_null=True)
    step_id = serializers.CharField(allow_null=True)
    path = serializers.CharField(allow_null=True)
    attempt = serializers.IntegerField(allow_null=True)
    payload = serializers.DictField()
    trace_id = serializers.CharField(allow_null=True)


def _with_present_names(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    found = dict(data)
    for name, older in OLDER_NAMES.items():
        if found.get(name) is None:
            given = next((data[one] for one in older if data.get(one) is not None), None)
            if given is not None:
                found[name] = given
    return found
