"""The list of runs, and the first screen."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from orchestration import filter_words, run_list, selectors
from orchestration.now_page import NowPage
from tenants.access import actor_of, page, project_of

MOST_COUNTED = 10_000
PERIODS = (("24 h", "since:24h"), ("7 d", "since:7d"), ("30 d", "since:30d"))


@require_GET
@page("view")
def runs(request: HttpRequest) -> HttpResponse:
    """Runs, newest first, narrowed by words, status and project. `q` is the search in the head of every page."""
    if request.GET.get("q", "").strip():
        return _found(request, request.GET["q"].strip())
    found = run_list.run_list(actor_of(request), project_of(request), request.GET.dict())
    text = request.GET.get("f", "")
    context = {
        "text": text,
        "list": found,
        "narrowed": bool(text or request.GET.get("status")),
        "chips": [{"text": chip.text, "remove_url": _with(request, f=chip.rest)} for chip in found.chips],
        "clear_url": _with(request, f=None),
        "tabs": _tabs(request, found),
        "periods": [_period(request, text, label, word) for label, word in PERIODS],
        **_choice(request, found),
    }
    return render(request, "runs/list.html", context)


@require_GET
@page("any")
def now(request: HttpRequest) -> HttpResponse:
    """What needs a person, and what happens; an approver who is nothing else sees the inbox instead."""
    actor = actor_of(request)
    if not actor.may("view"):
        return redirect("approvals")
    return render(request, "now.html", {"page": NowPage(actor, project_of(request))})


def _choice(request: HttpRequest, found: run_list.RunList) -> dict[str, Any]:
    """What choosing several runs needs: all that match, or single ones."""
    status = request.GET.get("status", "")
    number = found.counts.get(status, 0) if status else sum(found.counts.values())
    return {
        "status": status,
        "every": request.GET.get("every") == "1",
        "matching": f"{number:,}" if number <= MOST_COUNTED else "10k+",
        "every_url": _with(request, every="1"),
        "page_url": _with(request, every=None),
    }


def _found(request: HttpRequest, wanted: str) -> HttpResponse:
    """An exact id leads to its run; anything else is looked for in the list."""
    try:
        exact = selectors.runs_visible_to(actor_of(request)).filter(pk=UUID(wanted)).first()
    except ValueError:
        exact = None
    if exact:
        return redirect("run", exact.pk)
    return redirect(request.path + _with(request, q=None, f=wanted))


def _tabs(request: HttpRequest, found: run_list.RunList) -> list[dict[str, Any]]:
    chosen = request.GET.get("status", "")
    total = sum(found.counts.values())
    tabs = [{"label": "All", "url": _with(request, status=None), "count": total, "current": not chosen}]
    return tabs + [
        {
            "label": label,
            "url": _with(request, status=status),
            "count": found.counts[status],
            "current": status == chosen,
        }
        for status, label in run_list.TAB_STATUSES
    ]


def _period(request: HttpRequest, text: str, label: str, word: str) -> dict[str, Any]:
    """A preset; the one that is set is taken back by the same link."""
    others, current = filter_words.without(text, ["since"]), word in text.split()
    return {"label": label, "url": _with(request, f=others if current else f"{others} {word}"), "current": current}


def _with(request: HttpRequest, **changes: str | None) -> str:
    kept = {name: value for name, value in request.GET.items() if name not in ("before", "after", *changes)}
    return "?" + urlencode(kept | {name: value.strip() for name, value in changes.items() if value})
