"""The tab Artifacts: the files a run produced, with what can be shown of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from orchestration.artifacts import reading
from orchestration.artifacts.reading import Preview
from orchestration.choices import Classification
from orchestration.models import Artifact
from orchestration.run_page.subject import Subject

MOST_LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """An artifact with the place it came from; `preview` only for what is shown without being asked for, or chosen.

    `refusal` says why somebody may not download its file.
    """

    artifact: Artifact
    place: str
    url: str
    chosen: bool
    refusal: str | None
    preview: Preview | None


class ArtifactsTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._wanted = subject.query.get("artifact", "")

    @cached_property
    def artifacts(self) -> list[Artifact]:
        """Those of what is selected, the newest first."""
        found = reading.of_run(self._subject.run).filter(self._subject.selection.filter())
        return [self._of_run(artifact) for artifact in found.order_by("-created_at", "-id")[:MOST_LISTED]]

    @property
    def listed(self) -> Iterator[Listed]:
        for artifact in self.artifacts:
            chosen = str(artifact.pk) == self._wanted
            place = self._subject.place(artifact.path) if artifact.path else ""
            url = f"{self._subject.address_for('artifact')}{artifact.pk}#a-{artifact.pk}"
            refusal = reading.why_not(self._subject.actor, artifact) if artifact.file else None
            yield Listed(artifact, place, url, chosen, refusal, self._preview(artifact, asked=chosen or bool(refusal)))

    def _preview(self, artifact: Artifact, *, asked: bool) -> Preview | None:
        """Pictures show themselves unless each look at them is audited; what is to be read from the storage waits."""
        plain = artifact.mime_type in reading.IMAGES and artifact.classification != Classification.RESTRICTED
        if not (asked or plain or not artifact.file):
            return None
        return reading.preview(self._subject.actor, artifact)

    @cached_property
    def one(self) -> Preview | None:
        """What is shown of the chosen artifact alone."""
        try:
            wanted = UUID(self._wanted)
        except ValueError:
            return None
        found = reading.of_run(self._subject.run).filter(pk=wanted).first()
        return reading.preview(self._subject.actor, self._of_run(found)) if found else None

    def _of_run(self, artifact: Artifact) -> Artifact:
        artifact.run = self._subject.run
        return artifact

    @property
    def part_url(self) -> str:
        """One artifact alone, ready for its id."""
        return self._subject.address(node="", path="", step="", section="artifact")
