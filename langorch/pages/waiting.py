"""The number in the head of every page, by itself, so that it can be fetched again."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenants.access import ANY, page


@require_safe
@page(ANY)
def show(request: HttpRequest) -> HttpResponse:
    """How many decisions wait for this person."""
    return render(request, "shell/approvals_count.html")
