"""The schema, its browsable page, and the answer at addresses that do not exist."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from langorch.lib.errors import NotFound
from tenants.access import ANY, page
from tenants.api.endpoint import Endpoint

RENDERERS = {"json": OpenApiJsonRenderer, "yaml": OpenApiYamlRenderer}


class SchemaQuery(serializers.Serializer[Any]):
    format = serializers.ChoiceField(choices=sorted(RENDERERS), default="json")


class Schema(Endpoint):
    access = {"GET": ANY}
    queries = {"GET": SchemaQuery}

    @extend_schema(responses=dict)
    def get(self, request: Request) -> HttpResponse:
        """This API in OpenAPI 3.1."""
        renderer = RENDERERS[self.parameters()["format"]]
        return HttpResponse(rendered_schema(renderer), content_type=renderer.media_type)


@cache
def rendered_schema(renderer: type[OpenApiJsonRenderer] | type[OpenApiYamlRenderer]) -> bytes:
    """The schema as JSON or YAML text."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    text: bytes = renderer().render(schema, renderer_context={})
    return text


@page(ANY)
@ensure_csrf_cookie
def docs(request: HttpRequest) -> HttpResponse:
    """The schema as a page one can try calls on."""
    return render(request, "api/docs.html")


class Nothing(Endpoint):
    """Any other address below /api: nobody is told which ones there are."""

    access = dict.fromkeys(["GET", "POST", "PUT", "PATCH", "DELETE"], ANY)
    lenient = True
    schema = None

    def get(self, request: Request) -> Response:
        raise NotFound("There is nothing at this address.")

    post = put = patch = delete = get
