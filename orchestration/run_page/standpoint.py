"""Where a run stands: the visit at whose place its variables are shown."""

from dataclasses import dataclass

from django.db.models import Q

from orchestration.history import LAST_PART
from orchestration.run_page.subject import SMALL, Subject
from orchestration.visit_rows import owner_of


@dataclass(frozen=True, slots=True)
class Standpoint:
    """A path, empty for the end of the main region. `chosen` by the person, or where the run waits or failed."""

    path: str = ""
    chosen: bool = False

    @property
    def region(self) -> str:
        return self.path.rpartition("/")[0]


def standpoint(subject: Subject) -> Standpoint:
    """The selected path; else that of what the run waits for; else where it failed."""
    if subject.selection.path:
        return Standpoint(subject.selection.path, chosen=True)
    waits = {wait.ref: wait.path for wait in subject.waiting.waits}
    if subject.waiting.entry and subject.waiting.entry["ref"] in waits:
        return Standpoint(waits[subject.waiting.entry["ref"]])
    return Standpoint(str((subject.run.error or {}).get("path") or ""))


def changes_up_to(subject: Subject) -> Q:
    """The visits whose changes tell the variables where the run stands, and all others that changed little."""
    wanted, region = Q(region="") | Q(size__lte=SMALL), standpoint(subject).region
    while region:
        owner = owner_of(region)
        wanted |= Q(region__startswith=f"{owner}[") if LAST_PART.search(region) else Q(region=region)
        region = owner.rpartition("/")[0]
    return wanted
