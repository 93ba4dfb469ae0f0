"""Pages for what went wrong, in the portal's own look."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is stale or missing."""
    detail = "This form is too old, or cookies are off. Go back, load the page again and send it once more."
    context = {"title": "The form was not taken", "detail": detail}
    return render(request, "403.html", context, status=403)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's own refusals; those of our services carry the permission and come through the middleware."""
    return render(request, "403.html", {"detail": str(exception) or "This page is not open to you."}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What a person may not see does not exist either."""
    return render(request, "404.html", status=404)
