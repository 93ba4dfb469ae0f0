"""The staff page that shows every component in every state, with made-up content."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from langorch.lib import clock
from langorch.lib.errors import Denied
from langorch.pages import icons
from langorch.pages.looks import LOOKS
from tenants.access import ANY, page

MOMENTS = {
    "12 seconds": timedelta(seconds=12),
    "26 minutes": timedelta(minutes=26),
    "2 h 34 min": timedelta(hours=2, minutes=34),
    "yesterday": timedelta(days=1, hours=2),
    "nine days": timedelta(days=9),
    "a year": timedelta(days=400),
}
DUE = {
    "overdue": timedelta(minutes=-20),
    "soon": timedelta(minutes=70),
    "later": timedelta(hours=5),
    "in days": timedelta(days=2, hours=3),
    "in weeks": timedelta(days=20),
}
SENT = {
    "action": "create_voucher",
    "invoice": "INV-20431",
    "amount": 2318.4,
    "retryable": False,
    "note": None,
    "iban": "***REDACTED***",
    "api_key": "[secret:erp_api_key]",
    "header": "Bearer ***REDACTED***, sent once",
    "markup": "<script>alert('escaped')</script>",
    "lines": [{"text": f"Line {number}", "eur": number * 10} for number in range(1, 31)],
    "letter": "We refer to your invoice and to the delivery of last week. " * 8,
}
PROBLEMS = [
    {
        "severity": "error",
        "code": "CKP205",
        "message": "Node “aprove_amount” does not exist.",
        "hint": "Did you mean “approve_amount”?",
        "line": 215,
        "pointer": "/workflow_graph/nodes/amount_route/rules/0/next_node",
        "docs": "#",
    },
    {"severity": "warning", "code": "CKP010", "message": "Unknown field “time_out_ms”.", "hint": "", "line": 344},
    {"severity": "info", "code": "CKP-L11", "message": "Call without a time-out.", "hint": "", "line": 402},
]
RUNS = [
    ("waiting_approval", "Batch 20 Nov, 12 invoices", "Approve amount", "due in 1 h", 34, "live", Decimal("0.43")),
    ("running", "Batch 20 Nov, 4 invoices", "Validate in portal", "Invoice 2 of 4", 6, "live", Decimal("0.11")),
    ("failed", "Batch 20 Nov, 3 invoices", "Post to ERP", "attempt 3 of 4", 40, "bad", Decimal("0.09")),
    ("paused", "Statement Nordhavn Paper", "Post to ERP", "1st in line", 20, "live", Decimal("0.18")),
    ("completed", "Batch 20 Nov, 9 invoices", "Done", "Recovered after one retry", 91, "ok", Decimal("0.31")),
    ("created", "Vendor Lumen Electric", "Next in line", "", None, "idle", None),
    ("canceled", "Batch 19 Nov, 2 invoices", "Fetch mails", "Aiko Tanaka: wrong inbox", 2, "idle", Decimal("0.00")),
]
TABS = [
    {"label": "All", "url": "#", "count": 12_840, "current": True},
    {"label": "Queued", "url": "#", "count": 3},
    {"label": "Failed", "url": "#", "count": 21, "tone": "red"},
    {"label": "More", "url": "#"},
]
CHIPS = [{"text": "since:7d", "remove_url": "#"}, {"text": "var.total>1000", "remove_url": "#"}]
WEEK = [3, 4, 5, 4, 6, 7, 6, 5, 4, 5, 6, 6]
TODAY = [4, 4, 5, 6, 7, 6, 7, 8, 7, 9, 8, 9]


class Sample(forms.Form):
    """A form with every kind of field."""

    inbox = forms.EmailField(label="Mail inbox", help_text="Mails of this address are read.")
    limit = forms.DecimalField(label="Approval limit, EUR", max_value=Decimal(50_000), help_text="From 0 to 50,000.")
    day = forms.DateField(label="Date of the invoices", widget=forms.DateInput(attrs={"type": "date", "class": "w5"}))
    channel = forms.ChoiceField(label="Channel", choices=[("dev", "dev"), ("prod", "prod")], required=False)
    note = forms.CharField(label="Note", widget=forms.Textarea(attrs={"rows": 2}), required=False)
    dry = forms.BooleanField(label="Dry run: no call leaves the house", required=False)


@require_safe
@page(ANY)
def show(request: HttpRequest) -> HttpResponse:
    """Every component. Raises `Denied` for people who are not staff."""
    if not getattr(request.user, "is_staff", False):
        raise Denied("staff", "a superuser of the installation")
    return render(request, "portal/gallery.html", _content(clock.now()))


def _content(now: datetime) -> dict[str, Any]:
    return {
        "looks": {kind: list(words) for kind, words in LOOKS.items()},
        "icons": sorted(icons.names()),
        "moments": {name: now - back for name, back in MOMENTS.items()},
        "due": {name: now + ahead for name, ahead in DUE.items()},
        "durations": [0.04, 0.4, 4.1, 48, 113, 1860, 5460, 100_000],
        "runs": [{"started": now - timedelta(minutes=13 * row), "row": content} for row, content in enumerate(RUNS, 1)],
        "sent": SENT,
        "problems": PROBLEMS,
        "tabs": TABS,
        "chips": CHIPS,
        "form": Sample(),
        "refused": Sample({"inbox": "ap-halden", "limit": "75000", "day": "2026-11-20"}),
        "tones": ["ok", "bad", "warn", "live", "idle"],
        "week": WEEK,
        "today": TODAY,
        "run_id": "0197c3e2-7c1a-7d0e-9a55-5be4f0a12c11",
    }
