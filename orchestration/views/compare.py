"""The page that shows two runs side by side."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from orchestration.compare_page import ComparePage
from orchestration.comparison import comparison
from tenants.access import actor_of, page


@require_GET
@page("view")
def compare(request: HttpRequest, run_id: UUID, other_id: UUID) -> HttpResponse:
    """One run against another: path, values, steps, times, cost, versions."""
    found = comparison(actor_of(request), run_id, other_id)
    context = {"page": ComparePage(found, request.GET.dict()), "run": found.run, "other": found.other}
    return render(request, "runs/compare.html", context)
