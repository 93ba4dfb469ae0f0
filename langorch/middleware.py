"""What every answer of ours carries, and how refusals of services become pages."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from langorch.lib.errors import NotAuthenticated, Refusal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self' ws: wss:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class ContentPolicy:
    """Sets the content security policy; a view that set its own keeps it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class BothSlashForms:
    """Lets every address of the API and the probes answer with and without a closing slash, without a redirect."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(("/api/", "/healthz/", "/readyz/")):
            request.path_info = request.path_info.removesuffix("/")
        return self.get_response(request)


class Refusals:
    """Turns a refusal raised by a page's view into the page that says so; below /api into the API's answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        if request.path.startswith("/api/"):
            return JsonResponse(exception.body(), status=exception.status, headers=exception.headers)
        if isinstance(exception, NotAuthenticated):
            return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")
        return _refusal_page(request, exception)


def _refusal_page(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    named = refusal.status in (403, 404)
    context = {"detail": refusal.detail, "code": refusal.code, "places": refusal.places, **refusal.extra}
    response = render(request, f"{refusal.status}.html" if named else "refused.html", context, status=refusal.status)
    for name, value in refusal.headers.items():
        response.headers[name] = value
    return response
