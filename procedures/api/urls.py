"""Addresses of procedures, below /api."""

from django.urls import path, register_converter

from procedures.api import language, views
from procedures.ckp.names import PROCEDURE_ID, VERSION


class ProcedureId:
    """What CKP allows as `procedure_id`; anything else is no address."""

    regex = PROCEDURE_ID.pattern

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class VersionName(ProcedureId):
    """What CKP allows as `version`."""

    regex = VERSION.pattern


register_converter(ProcedureId, "procedure")
register_converter(VersionName, "version")

ONE = "procedures/<procedure:procedure_id>/<version:version>"

urlpatterns = [
    path("procedures", views.Procedures.as_view(), name="api-procedures"),
    path("procedures/compile", language.Compile.as_view(), name="api-compile"),
    path("actions", language.Actions.as_view(), name="api-actions"),
    path("ckp/evaluate", language.Evaluate.as_view(), name="api-ckp-evaluate"),
    path("ckp/schema", language.DocumentSchema.as_view(), name="api-ckp-schema"),
    path("ckp/problems", language.Problems.as_view(), name="api-ckp-problems"),
    path("ckp/functions", language.Functions.as_view(), name="api-ckp-functions"),
    path("procedures/<procedure:procedure_id>/versions", views.Versions.as_view(), name="api-versions"),
    path("procedures/<procedure:procedure_id>/diff", views.Diff.as_view(), name="api-diff"),
    path(ONE, views.Version.as_view(), name="api-version"),
    path(f"{ONE}/status", views.Status.as_view(), name="api-version-status"),
    path(f"{ONE}/graph", views.Graph.as_view(), name="api-version-graph"),
    path(f"{ONE}/explain", views.Explain.as_view(), name="api-version-explain"),
    path(f"{ONE}/impact", views.Impact.as_view(), name="api-version-impact"),
    path(f"{ONE}/builder-draft", views.BuilderDraft.as_view(), name="api-builder-draft"),
]
