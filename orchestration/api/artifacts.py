"""Endpoints of artifacts: what a run produced, and the files themselves."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, BinaryIO, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from langorch.lib import off_loop
from orchestration import selectors
from orchestration.artifacts import reading
from orchestration.choices import Classification
from orchestration.models import Artifact
from tenants.api.endpoint import Endpoint

CHUNK_BYTES: Final = 64 * 1024
AS_DATA: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""A browser keeps what it gets, and runs nothing of it."""


class ArtifactOut(serializers.Serializer[Any]):
    artifact_id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    node_id = serializers.CharField(allow_null=True)
    step_id = serializers.CharField(allow_null=True)
    path = serializers.CharField(allow_null=True)
    kind = serializers.CharField()
    uri = serializers.CharField(help_text="Where it is downloaded, or the link as it was given.")
    name = serializers.CharField()
    mime_type = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Empty for a link of which nobody said it.")
    classification = serializers.ChoiceField(choices=Classification.choices)
    created_at = serializers.DateTimeField()


class RunArtifacts(Endpoint):
    access = {"GET": "view"}
    lenient = True

    @extend_schema(responses=ArtifactOut(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """The artifacts of a run, oldest first."""
        run = selectors.run_for(self.actor, run_id)
        return Response([artifact_out(artifact) for artifact in reading.of_run(run)])


class OneArtifact(Endpoint):
    access = {"GET": "any"}
    lenient = True

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, artifact_path: str) -> StreamingHttpResponse:
        """The file, as a download; for who may view its run, or is asked to decide on it.

        One that is confidential or restricted needs more."""
        found = reading.at(self.actor, artifact_path)
        file = reading.download(self.actor, found)
        whole = _later(file) if isinstance(request._request, ASGIRequest) else _chunks(file)
        named = content_disposition_header(as_attachment=True, filename=found.name) or "attachment"
        headers = {**AS_DATA, "Content-Disposition": named, "Content-Length": str(found.size_bytes)}
        return StreamingHttpResponse(whole, content_type=found.mime_type, headers=headers)


def artifact_out(artifact: Artifact) -> dict[str, Any]:
    """ArtifactOut of one artifact."""
    return {
        "artifact_id": artifact.pk,
        "run_id": artifact.run_id,
        "node_id": artifact.node_id or None,
        "step_id": artifact.step_id or None,
        "path": artifact.path or None,
        "kind": artifact.kind,
        "uri": artifact.uri,
        "name": artifact.name,
        "mime_type": artifact.mime_type,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "classification": artifact.classification,
        "created_at": artifact.created_at,
    }


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


async def _later(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while chunk := await off_loop.call(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        await off_loop.call(file.close)
