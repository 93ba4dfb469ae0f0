"""The list of runs, and the first screen."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from orchestration import live_sections, now_page, run_list, selectors
from tenants.access import actor_of, page

PERIODS = (("24 h", "since:24h"), ("7 d", "since:7d"), ("30 d", "since:30d"))


@require_GET
@page("view")
def runs(request: HttpRequest) -> HttpResponse:
    """Runs, newest first, narrowed by words, status and project."""
    actor = actor_of(request)
    version = live_sections.runs_version(actor)
    found = run_list.run_list(selectors.runs_visible_to(actor), request.GET.dict())
    text = request.GET.get("f", "")
    context = {
        "text": text,
        "version": version,
        "status": request.GET.get("status", ""),
        "rows": found.rows,
        "newer": found.newer,
        "older": found.older,
        "unknown": ", ".join(found.filter.unknown),
        "chips": [{"text": chip.text, "remove_url": _with(request, f=chip.rest)} for chip in found.filter.chips],
        "tabs": _tabs(request, found),
        "periods": [_period(request, text, label, word) for label, word in PERIODS],
    }
    return render(request, "runs/list.html", context)


@require_GET
@page("any")
def now(request: HttpRequest) -> HttpResponse:
    """What needs a person, and what happens; an approver who is nothing else sees the inbox instead."""
    actor = actor_of(request)
    if not actor.may("view"):
        return redirect("approvals")
    return render(request, "now.html", {"page": now_page.NowPage(actor)})


def _tabs(request: HttpRequest, found: run_list.RunList) -> list[dict[str, Any]]:
    chosen = request.GET.get("status", "")
    everything = {
        "label": "All",
        "url": _with(request, status=None),
        "count": sum(found.counts.values()),
        "current": not chosen,
    }
    return [
        everything,
        *(
            {
                "label": label,
                "url": _with(request, status=status),
                "count": found.counts.get(status, 0),
                "current": status == chosen,
            }
            for status, label in run_list.TAB_STATUSES
        ),
    ]


def _period(request: HttpRequest, text: str, label: str, word: str) -> dict[str, Any]:
    others = " ".join(part for part in text.split() if not part.startswith("since:"))
    return {"label": label, "url": _with(request, f=f"{others} {word}".strip()), "current": word in text.split()}


def _with(request: HttpRequest, **changes: str | None) -> str:
    kept = {name: value for name, value in request.GET.items() if name not in ("before", "after", *changes)}
    return "?" + urlencode(kept | {name: value for name, value in changes.items() if value})
