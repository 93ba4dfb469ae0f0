"""Pages for what went wrong, in the portal's own look."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from langorch.lib.errors import Denied


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is stale or missing."""
    detail = "This form is too old, or cookies are off. Go back, load the page again and send it once more."
    return _page(request, "403.html", 403, title="The form was not taken", detail=detail)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The page of a missing permission: its name, and who can grant it where a `Denied` says so."""
    if isinstance(exception, Denied):
        return _page(request, "403.html", 403, detail=exception.detail, **exception.extra)
    return _page(request, "403.html", 403, detail=str(exception or "This page is not open to you."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What a person may not see does not exist either."""
    return _page(request, "404.html", 404)


def _page(request: HttpRequest, template: str, status: int, **context: Any) -> HttpResponse:
    """An error page, inside the shell for people who are signed in."""
    layout = "shell.html" if getattr(request, "actor", None) else "bare.html"
    return render(request, template, {"layout": layout, **context}, status=status)
