"""The tab Steps: the latest records, the newest first."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from orchestration.models import StepRecord
from orchestration.run_page.subject import Subject

STEPS_PER_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class StepLine:
    step: StepRecord
    place: str


class StepsTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def steps(self) -> list[StepLine]:
        """The latest steps of what is selected, the newest first."""
        steps = StepRecord.objects.filter(self._subject.selection.filter(), run=self._subject.run)
        return [StepLine(step, self._subject.place(step.path)) for step in steps.order_by("-id")[:STEPS_PER_PAGE]]
