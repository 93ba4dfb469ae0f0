"""The OpenAPI schema: made from what endpoints declare, so that it cannot say anything else."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from tenants.access import PUBLIC
from tenants.api.permissions import access_of


class PlaceOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    field = serializers.CharField(allow_null=True)
    pointer = serializers.CharField(allow_null=True)
    node_id = serializers.CharField(allow_null=True)
    step_id = serializers.CharField(allow_null=True)
    message = serializers.CharField()
    hint = serializers.CharField(allow_null=True)


RefusalOut = inline_serializer(
    "RefusalOut",
    {
        "detail": serializers.JSONField(help_text="Text for people; an object in two older cases."),
        "code": serializers.CharField(),
        "errors": PlaceOut(many=True, required=False),
    },
)


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same body again gets the first answer again."
)
IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag that was read.")


class EndpointSchema(AutoSchema):
    """Reads access, query parameters and the usual errors from an `Endpoint`."""

    def get_override_parameters(self) -> list[Any]:
        form = getattr(self.view, "queries", {}).get(self.method)
        parameters: list[Any] = [form] if form else []
        if self.method == "POST" and self._needed() != PUBLIC:
            parameters.append(IDEMPOTENCY_KEY)
        if self.method == "PUT":
            parameters.append(IF_MATCH)
        return parameters

    def get_auth(self) -> list[dict[str, Any]]:
        return [] if self._needed() == PUBLIC else [{"bearer": []}, {"session": []}]

    def get_description(self) -> str:  # type: ignore[override]
        needed = self._needed()
        who = {"public": "Open to everybody.", "any": "Needs an identity."}.get(needed, f"Needs `{needed}`.")
        return f"{super().get_description()}\n\n{who}".strip()

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api").strip("/").split("/")[0]]

    def get_operation_id(self) -> str:
        parts = [part for part in self.path.removeprefix("/api").split("/") if part]
        words = [part.strip("{}").replace("-", "_") for part in parts]
        return "_".join([self.method.lower(), *words])

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for status in self._refusals():
            bodies.setdefault(str(status), self._get_response_for_code(RefusalOut, str(status)))  # type: ignore[no-untyped-call]
        return bodies

    def _refusals(self) -> list[int]:
        refusals = [400]
        if self._needed() != PUBLIC:
            refusals += [401, 403]
        if "{" in self.path:
            refusals.append(404)
        if self.method not in ("GET", "DELETE"):
            refusals += [409, 413, 415]
        return [*refusals, 422, 429]

    def _needed(self) -> str:
        return access_of(self.view, self.method)


def ours(endpoints: list[Any], **_: Any) -> list[Any]:
    """The addresses below /api; the probes at the root of the site are for machines that know them."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/")]


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Name the two ways of proving an identity, and take out what the generator noted for itself."""
    _without_notes(result)
    result.setdefault("components", {})["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
    }
    return result


def _without_notes(part: Any) -> None:
    if isinstance(part, dict):
        part.pop("x-spec-enum-id", None)
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _without_notes(inner)
