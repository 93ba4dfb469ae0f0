"""What the page of an import shows: the text with its problems beside the lines, or the graph it would make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from langorch.lib.errors import Refusal
from procedures.ckp.compile import Compiled
from procedures.graph.picture import Picture, picture
from procedures.listing import SEVERITIES, Row, listing
from tenants.actor import Actor
from tenants.models import Project

ALL, GRAPH = "all", "graph"
NAMES = {"error": "Errors", "warning": "Warnings", "info": "Notes", ALL: "All problems"}

Problem = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """What was pasted or uploaded. `text` is empty when the bytes are no text, so that nobody stores a damaged one."""

    content: str | bytes
    name: str

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return ""

    @property
    def readable(self) -> bool:
        return bool(self.text) or not self.content

    @property
    def blank(self) -> bool:
        return not self.content.strip()


def given(request: HttpRequest) -> Given:
    """A chosen file wins over the text. Of a file no more is read than is needed to refuse it for its size."""
    uploaded = request.FILES.get("file")
    if isinstance(uploaded, UploadedFile):
        most: int = settings.ENV.MAX_DOCUMENT_BYTES
        return Given(uploaded.read(most + 1), uploaded.name or "")
    return Given(request.POST.get("text", "").replace("\r\n", "\n"), request.POST.get("name", ""))


class ImportPage:
    """The parts of the page after a check, or after an import that was refused."""

    def __init__(self, given: Given, compiled: Compiled, shown: str, whole: bool, refusal: Refusal | None) -> None:
        self.given = given
        self.compiled = compiled
        self.refusal = refusal if compiled.ok else None
        self._shown = shown
        self._whole = whole

    @cached_property
    def problems(self) -> Sequence[Problem]:
        further = self.refusal.extra.get("problems", []) if self.refusal else []
        return [*further, *(problem.as_dict() for problem in self.compiled.problems)]

    @cached_property
    def counts(self) -> Mapping[str, int]:
        return {severity: sum(1 for one in self.problems if one["severity"] == severity) for severity in SEVERITIES}

    @property
    def blocked(self) -> bool:
        """Whether something must change before this can be stored."""
        return self.refusal is not None or not self.compiled.ok

    @property
    def identity(self) -> Mapping[str, Any]:
        """The document's own names, as far as they could be read."""
        return self.compiled.canonical or {}

    @property
    def shown(self) -> str:
        """What is looked at: problems of one severity, all of them, or the graph."""
        if self._shown in NAMES or (self._shown == GRAPH and self.picture):
            return self._shown
        return GRAPH if not self.problems and self.picture else ALL

    @cached_property
    def tabs(self) -> Sequence[Mapping[str, Any]]:
        counts = {**self.counts, ALL: len(self.problems)}
        tabs = [{"name": name, "label": label, "count": counts[name]} for name, label in NAMES.items()]
        if self.picture:
            tabs.append({"name": GRAPH, "label": "Graph preview", "count": None})
        return [{**tab, "current": tab["name"] == self.shown} for tab in tabs]

    @cached_property
    def rows(self) -> Sequence[Row]:
        only = [one for one in self.problems if self.shown in (ALL, one["severity"])]
        return listing(self.given.text, only, whole=self._whole)

    @property
    def folded(self) -> bool:
        """Whether lines are left out."""
        return any(row.number == 0 for row in self.rows)

    @property
    def lines(self) -> int:
        return self.given.text.count("\n") + 1

    @cached_property
    def picture(self) -> Picture | None:
        """The graph of what could be read, errors or not."""
        document = self.compiled.document or self.compiled.draft
        return picture(document, href="") if document and document.nodes else None


def targets(actor: Actor, projects: Sequence[Project]) -> list[Project]:
    """The projects into which somebody may import."""
    return [project for project in projects if actor.may("procedures.edit", project)]
