"""Procedures and their versions over REST."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from langorch.lib.errors import Invalid, Place
from procedures import selectors, services
from procedures.analysis import difference, explain_version
from procedures.api import serializers as wire
from procedures.api.source import document_text
from procedures.ckp.compile import compile_document, load_document
from procedures.ckp.graph import graph, positions_of
from procedures.impact import impact
from procedures.models import ProcedureVersion
from procedures.services import Imported
from tenants.actor import Actor
from tenants.api import paging
from tenants.api.endpoint import Endpoint
from tenants.api.preconditions import etag, if_match, require_match
from tenants.models import Project


class Procedures(Endpoint):
    access = {"GET": "view", "POST": "procedures.edit"}
    queries = {"GET": wire.VersionQuery}
    lenient = True

    @extend_schema(responses=wire.ProcedureOut(many=True))
    def get(self, request: Request) -> Response:
        """Versions, newest first; archived ones only when asked for."""
        wanted = self.parameters()
        rows = selectors.versions_for(self.actor, wire.version_filter(wanted))
        return paging.page(request, rows, wanted, keyset=("number",)).each(wire.shown)

    @extend_schema(request=wire.ImportIn, responses={200: wire.StoredOut, 201: wire.StoredOut})
    def post(self, request: Request) -> Response:
        """Store a document as a new version: 201, or 200 when the same content is there."""
        text = sent_document(request)
        project = project_for(self.actor, request.data)
        imported = services.import_document(self.actor, text, project)
        return stored(imported, 201 if imported.created else 200)


class Versions(Endpoint):
    access = {"GET": "view"}
    queries = {"GET": paging.PageQuery}
    lenient = True

    @extend_schema(responses=wire.ProcedureOut(many=True))
    def get(self, request: Request, procedure_id: str) -> Response:
        """All versions of a procedure, newest first."""
        rows = selectors.versions_of(self.actor, procedure_id)
        return paging.page(request, rows, self.parameters(), keyset=("number",)).each(wire.shown)


class Version(Endpoint):
    access = {"GET": "view", "PUT": "procedures.edit", "DELETE": "procedures.edit"}
    lenient = True

    @extend_schema(responses=wire.ProcedureDetail)
    def get(self, request: Request, procedure_id: str, version: str) -> Response:
        """One version with its document; `latest` is the newest."""
        found = selectors.version_for(self.actor, procedure_id, version)
        return Response(wire.shown_in_full(found), headers={"ETag": tag(found)})

    @extend_schema(request=wire.UpdateIn, responses=wire.StoredOut)
    def put(self, request: Request, procedure_id: str, version: str) -> Response:
        """Give a draft a new document."""
        text = sent_document(request)
        found = selectors.version_for(self.actor, procedure_id, version)
        sent = if_match(request)
        require_match(sent, tag(found))
        seen_at = found.updated_at if sent else None
        return stored(services.update_draft(self.actor, found, text, seen_at=seen_at), 200)

    @extend_schema(responses=wire.DeletedOut)
    def delete(self, request: Request, procedure_id: str, version: str) -> Response:
        """Delete a draft, or an archived version that nothing names."""
        found = selectors.version_for(self.actor, procedure_id, version)
        name = found.version
        services.delete_version(self.actor, found)
        return Response({"deleted": True, "procedure_id": procedure_id, "version": name})


class Status(Endpoint):
    access = {"PATCH": "procedures.edit"}
    lenient = True

    @extend_schema(request=wire.StatusIn, responses=wire.ProcedureOut)
    def patch(self, request: Request, procedure_id: str, version: str) -> Response:
        """Publish in channel dev, deprecate, archive, or take back."""
        found = selectors.version_for(self.actor, procedure_id, version)
        services.change_status(self.actor, found, self.body(wire.StatusIn)["status"])
        return Response(wire.shown(selectors.version_for(self.actor, procedure_id, found.version)))


class Graph(Endpoint):
    access = {"GET": "view"}
    lenient = True

    @extend_schema(responses=wire.GraphOut)
    def get(self, request: Request, procedure_id: str, version: str) -> Response:
        """Nodes and edges of all kinds, with places for drawing."""
        found = selectors.version_for(self.actor, procedure_id, version)
        return Response(graph(load_document(found.document.canonical), _positions(found)))


class Explain(Endpoint):
    access = {"POST": "view"}
    lenient = True

    @extend_schema(request=wire.ExplainIn, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, procedure_id: str, version: str) -> Response:
        """What a version (or the document sent in its place) reads, writes, calls and may cost; executes nothing."""
        text = sent_document(request)
        found = selectors.version_for(self.actor, procedure_id, version)
        given = self.body(wire.ExplainIn)
        replaced = text if given.get("ckp_json") is not None else None
        return Response(explain_version(found, given.get("input_vars"), replaced))


class Diff(Endpoint):
    access = {"GET": "view"}
    queries = {"GET": wire.DiffQuery}

    @extend_schema(responses=wire.DiffOut)
    def get(self, request: Request, procedure_id: str) -> Response:
        """What changed between two versions: in meaning, line by line, and the advice for the next version number."""
        wanted = self.parameters()
        before, after = (selectors.version_for(self.actor, procedure_id, wanted[name]) for name in ("from", "to"))
        return Response(difference(before, after))


class Impact(Endpoint):
    access = {"GET": "view"}

    @extend_schema(responses=wire.ImpactOut)
    def get(self, request: Request, procedure_id: str, version: str) -> Response:
        """Callers, triggers, open runs and approvals, channels: what a change of this version would touch."""
        return Response(impact(self.actor, selectors.version_for(self.actor, procedure_id, version)))


class BuilderDraft(Endpoint):
    access = {"GET": "view", "PUT": "procedures.edit"}
    lenient = True

    @extend_schema(responses=wire.BuilderDraftOut)
    def get(self, request: Request, procedure_id: str, version: str) -> Response:
        """Uncompiled work of the builder on this version; null when there is none."""
        return self._answer(selectors.version_for(self.actor, procedure_id, version))

    @extend_schema(request=wire.BuilderDraftIn, responses=wire.BuilderDraftOut)
    def put(self, request: Request, procedure_id: str, version: str) -> Response:
        """Keep a draft, which may be incomplete."""
        found = selectors.version_for(self.actor, procedure_id, version)
        draft = self.body(wire.BuilderDraftIn)["draft"]
        require_match(if_match(request), _draft_tag(found))
        services.save_builder_draft(self.actor, found, draft)
        return self._answer(selectors.version_for(self.actor, procedure_id, found.version))

    def _answer(self, found: ProcedureVersion) -> Response:
        answer = {
            "procedure_id": found.procedure.procedure_id,
            "version": found.version,
            "draft": found.builder_draft,
            "updated_at": found.builder_draft_updated_at,
        }
        return Response(answer, headers={"ETag": _draft_tag(found)})


def sent_document(request: Request) -> str:
    """The text of the document in a body, which is checked to be JSON within the limits."""
    body = request._request.body
    return document_text(body, request.data)


def project_for(actor: Actor, given: Any) -> Project | None:
    """The project named in a body. Raises `Invalid` for one that the actor does not see."""
    wanted = given.get("project_id") if isinstance(given, Mapping) and "ckp_json" in given else None
    if wanted is None:
        return None
    checked = wire.ImportIn(data={"ckp_json": {}, "project_id": wanted})
    checked.is_valid(raise_exception=True)
    found = Project.objects.visible_to(actor).filter(pk=checked.validated_data["project_id"]).first()
    if found is None:
        place = Place("There is no such project.", field="project_id")
        raise Invalid(place.message, places=[place])
    return found


def stored(imported: Imported, status: int) -> Response:
    """What is answered to somebody who sent a document."""
    version = imported.version
    problems = [problem.as_dict() for problem in imported.problems]
    return Response({**wire.shown(version), "problems": problems}, status, headers={"ETag": tag(version)})


def tag(version: ProcedureVersion) -> str:
    """The entity tag of a version."""
    return etag(version.pk, version.updated_at)


def _draft_tag(version: ProcedureVersion) -> str:
    return etag(version.pk, "draft", version.builder_draft_updated_at)


def _positions(version: ProcedureVersion) -> dict[str, Any] | None:
    """The positions that authors gave: notes, so they stand in the text alone."""
    if '"x-position"' not in version.source:
        return None
    return positions_of(compile_document(version.source).canonical or {})
