"""Procedures on the wire: what may be asked, sent, and is answered (api 4)."""

import json
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from procedures import selectors
from procedures.choices import ENVIRONMENTS, Channel, VersionStatus
from procedures.models import ProcedureVersion
from tenants.api.paging import PageQuery

Form = serializers.Serializer[Any]

CHANNEL_SPELLINGS = {**{channel.value: channel.value for channel in Channel}, "staging": "qa", "production": "prod"}
"""Channels are dev, qa, prod; the environment spelling is read everywhere."""


class CommaList(serializers.CharField):
    """Several texts in one parameter, with commas between."""

    def to_internal_value(self, data: Any) -> Any:
        return [part.strip() for part in super().to_internal_value(data).split(",") if part.strip()]


class VersionQuery(PageQuery):
    project_id = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(choices=VersionStatus.values, required=False)
    release_channel = serializers.ChoiceField(choices=sorted(CHANNEL_SPELLINGS), required=False)
    environment = serializers.ChoiceField(choices=sorted(CHANNEL_SPELLINGS), required=False)
    tags = CommaList(required=False, help_text="Comma-separated; all of them.")
    search = serializers.CharField(required=False, max_length=200)
    metadata_search = serializers.CharField(required=False, max_length=200)
    latest_only = serializers.BooleanField(default=False)


def version_filter(wanted: Mapping[str, Any]) -> selectors.VersionFilter:
    """The filter that checked query parameters ask for."""
    channel = wanted.get("release_channel") or wanted.get("environment")
    return selectors.VersionFilter(
        project_id=wanted.get("project_id"),
        status=wanted.get("status"),
        channel=CHANNEL_SPELLINGS[channel] if channel else None,
        tags=wanted.get("tags", ()),
        search=wanted.get("search", ""),
        metadata_search=wanted.get("metadata_search", ""),
        latest_only=wanted["latest_only"],
    )


DiffQuery: type[Form] = type(
    "DiffQuery",
    (Form,),
    {name: serializers.CharField(max_length=64, help_text="A version, or latest.") for name in ("from", "to")},
)


class ImportIn(Form):
    """The document stands in `ckp_json`, or is the body itself."""

    ckp_json = serializers.JSONField()
    project_id = serializers.UUIDField(required=False, allow_null=True)


class UpdateIn(Form):
    ckp_json = serializers.JSONField()


class StatusIn(Form):
    status = serializers.CharField(max_length=50)


class ExplainIn(Form):
    input_vars = serializers.DictField(required=False, allow_null=True)
    ckp_json = serializers.JSONField(required=False, allow_null=True)


class BuilderDraftIn(Form):
    draft = serializers.DictField()


class ProblemOut(Form):
    code = serializers.CharField()
    severity = serializers.ChoiceField(choices=["error", "warning", "info"])
    pointer = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    column = serializers.IntegerField(allow_null=True)
    offset = serializers.IntegerField(required=False)
    node_id = serializers.CharField(required=False)
    step_id = serializers.CharField(required=False)
    message = serializers.CharField()
    hint = serializers.CharField(required=False)
    docs = serializers.CharField()


class ProcedureOut(Form):
    id = serializers.IntegerField(help_text="A number inside the tenant; never part of an address.")
    procedure_id = serializers.CharField()
    version = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=VersionStatus.values)
    effective_date = serializers.DateField(allow_null=True)
    description = serializers.CharField()
    release_channel = serializers.ChoiceField(choices=Channel.values, allow_null=True)
    environment = serializers.ChoiceField(choices=sorted(ENVIRONMENTS.values()), allow_null=True)
    channels = serializers.ListField(child=serializers.ChoiceField(choices=Channel.values))
    promoted_from_version = serializers.CharField(allow_null=True)
    promoted_at = serializers.DateTimeField(allow_null=True)
    promoted_by = serializers.CharField(allow_null=True)
    project_id = serializers.UUIDField(allow_null=True)
    document_hash = serializers.CharField()
    source_hash = serializers.CharField()
    problem_counts = serializers.DictField(child=serializers.IntegerField())
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    created_by = serializers.CharField()


class StoredOut(ProcedureOut):
    problems = ProblemOut(many=True)


class ProcedureDetail(StoredOut):
    ckp_json = serializers.JSONField(help_text="As imported.")
    canonical = serializers.JSONField()
    variables_schema = serializers.JSONField()
    provenance = serializers.JSONField(allow_null=True)
    retrieval_metadata = serializers.JSONField(allow_null=True)
    trigger = serializers.JSONField(allow_null=True)
    builder_draft = serializers.JSONField(allow_null=True)
    builder_draft_updated_at = serializers.DateTimeField(allow_null=True)


class BuilderDraftOut(Form):
    procedure_id = serializers.CharField()
    version = serializers.CharField()
    draft = serializers.JSONField(allow_null=True)
    updated_at = serializers.DateTimeField(allow_null=True)


class DeletedOut(Form):
    deleted = serializers.BooleanField()
    procedure_id = serializers.CharField()
    version = serializers.CharField()


class GraphOut(Form):
    nodes = serializers.ListField(child=serializers.DictField())
    edges = serializers.ListField(child=serializers.DictField())


class ChangeOut(Form):
    kind = serializers.CharField()
    change = serializers.ChoiceField(choices=["added", "removed", "changed", "renamed"])
    path = serializers.CharField()
    node_id = serializers.CharField(allow_null=True)
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    breaking = serializers.BooleanField()
    sentence = serializers.CharField()


DiffOut = inline_serializer(
    "DiffOut",
    {
        "from": serializers.CharField(),
        "to": serializers.CharField(),
        "identical": serializers.BooleanField(),
        "text": serializers.CharField(),
        "semantic": ChangeOut(many=True),
        "summary": serializers.ListField(child=serializers.CharField()),
        "suggested_bump": serializers.ChoiceField(choices=["major", "minor", "patch"], allow_null=True),
        "bounds": serializers.DictField(),
    },
)


class CallerOut(Form):
    procedure_id = serializers.CharField()
    version = serializers.CharField()
    node_id = serializers.CharField()
    pin = serializers.CharField(allow_null=True)
    accepts = serializers.BooleanField()
    problems = ProblemOut(many=True)


class ImpactTriggerOut(Form):
    id = serializers.CharField()
    type = serializers.CharField()
    enabled = serializers.BooleanField()
    next_fire = serializers.DateTimeField(allow_null=True)


class OpenRunsOut(Form):
    total = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())
    by_node = serializers.DictField(child=serializers.IntegerField())


class ImpactOut(Form):
    callers = CallerOut(many=True)
    triggers = ImpactTriggerOut(many=True)
    open_runs = OpenRunsOut()
    open_approvals = serializers.IntegerField()
    channels = serializers.ListField(child=serializers.ChoiceField(choices=Channel.values))


def shown(version: ProcedureVersion) -> dict[str, Any]:
    """ProcedureOut of a version with its procedure and `current_in` loaded."""
    channels = selectors.channels_of(version)
    highest = channels[0] if channels else None
    release = next((row for row in version.current_in.all() if row.channel == highest), None)
    return {
        "id": version.number,
        "procedure_id": version.procedure.procedure_id,
        "version": version.version,
        "name": version.name,
        "status": version.status,
        "effective_date": version.effective_date,
        "description": version.description,
        "release_channel": highest,
        "environment": ENVIRONMENTS[Channel(highest)] if highest else None,
        "channels": channels,
        "promoted_from_version": (release and release.promoted_from_version) or None,
        "promoted_at": release and release.promoted_at,
        "promoted_by": release and release.promoted_by,
        "project_id": version.project_id,
        "document_hash": version.document_hash,
        "source_hash": version.source_hash,
        "problem_counts": version.problem_counts,
        "created_at": version.created_at,
        "updated_at": version.updated_at,
        "created_by": version.created_by,
    }


def shown_in_full(version: ProcedureVersion) -> dict[str, Any]:
    """ProcedureDetail of a version with its document loaded."""
    canonical = version.document.canonical
    return {
        **shown(version),
        "problems": version.problems,
        "ckp_json": json.loads(version.source),
        "canonical": canonical,
        "variables_schema": canonical.get("variables_schema", {}),
        "provenance": canonical.get("provenance"),
        "retrieval_metadata": canonical.get("retrieval_metadata"),
        "trigger": canonical.get("trigger"),
        "builder_draft": version.builder_draft,
        "builder_draft_updated_at": version.builder_draft_updated_at,
    }
