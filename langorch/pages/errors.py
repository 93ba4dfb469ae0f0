"""Pages for what went wrong, in the portal's own look."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is stale or missing."""
    detail = "This form is too old, or cookies are off. Go back, load the page again and send it once more."
    return render(request, "403.html", {"detail": detail, "reason": reason}, status=403)
