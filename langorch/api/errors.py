"""Every error of the API in one shape: detail for people, a stable code, places (api 1)."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from langorch.lib.errors import Denied, Invalid, NotAuthenticated, NotFound, Place, Refusal, TooLarge, TooMany


class MethodNotAllowed(Refusal):
    status, code = 405, "method_not_allowed"


class UnsupportedMediaType(Refusal):
    status, code = 415, "unsupported_media_type"


class MalformedRequest(Refusal):
    status, code = 400, "malformed_json"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to `error`; None lets what we did not expect become a 500."""
    refusal = error if isinstance(error, Refusal) else _as_refusal(error)
    if refusal is None:
        return None
    headers = dict(refusal.headers)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return Response(refusal.body(), refusal.status, headers=headers)


def server_error(request: HttpRequest) -> HttpResponse:
    """What we did not expect: JSON below /api, else the page that says so. Tells nothing of the cause."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    body = {"detail": "Something broke on our side. Try again; if it stays, tell an administrator the time."}
    return JsonResponse({**body, "code": "internal_error"}, status=500)


def _as_refusal(error: Exception) -> Refusal | None:
    match error:
        case exceptions.ValidationError():
            return _invalid(error)
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed(str(error.detail))
        case exceptions.UnsupportedMediaType():
            return UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
        case exceptions.ParseError() | BadRequest():
            return MalformedRequest(str(error))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return NotAuthenticated(str(error.detail))
        case exceptions.NotFound() | Http404():
            return NotFound("There is nothing at this address.")
        case exceptions.PermissionDenied() | PermissionDenied():
            return Denied("view", detail=str(error))
        case exceptions.Throttled():
            return TooMany("Too many requests.", headers={"Retry-After": str(int(getattr(error, "wait", None) or 1))})
        case RequestDataTooBig():
            return TooLarge("The request body is too large.")
        case SuspiciousOperation():
            return MalformedRequest("The request cannot be read.")
    return None


def _invalid(error: exceptions.ValidationError) -> Invalid:
    places = list(_places(error.detail, ()))
    detail = "; ".join(f"{place.field}: {place.message}" if place.field else place.message for place in places)
    return Invalid(detail, places=places)


def _places(detail: Any, path: tuple[str, ...]) -> Iterator[Place]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _places(inner, path if name == "non_field_errors" else (*path, str(name)))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, (dict, list))
            yield from _places(inner, (*path, str(position)) if nested else path)
    else:
        pointer = "".join(f"/{part}" for part in path)
        yield Place(str(detail), code=detail.code, field=".".join(path) or None, pointer=pointer or None)
