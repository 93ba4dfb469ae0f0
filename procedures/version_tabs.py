"""The tabs of a version: some are sections of its own page, the others are pages that analyse it."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from procedures.models import ProcedureVersion

SECTIONS = {"graph": "Graph", "document": "Document", "variables": "Variables", "problems": "Problems"}
PAGES = {"explain": "Explain", "diff": "Versions", "callers": "Callers"}


def tabs(version: ProcedureVersion, current: str) -> list[Mapping[str, Any]]:
    """All tabs in order; `current` is a key of `SECTIONS` or `PAGES`."""
    page = reverse("version", args=[version.procedure.procedure_id, version.version])
    urls = {key: f"{page}?tab={key}" for key in SECTIONS} | _pages(version)
    counts = {
        "variables": len(version.document.canonical.get("variables_schema", {})),
        "problems": len(version.problems),
    }
    return [
        {"label": label, "url": urls[key], "current": key == current, "count": counts.get(key)}
        for key, label in {**SECTIONS, **PAGES}.items()
    ]


def _pages(version: ProcedureVersion) -> dict[str, str]:
    procedure_id, name = version.procedure.procedure_id, version.version
    return {
        "explain": reverse("version-explain", args=[procedure_id, name]),
        "diff": f"{reverse('procedure-diff', args=[procedure_id])}?to={name}",
        "callers": reverse("version-callers", args=[procedure_id, name]),
    }
