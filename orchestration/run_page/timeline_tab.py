"""The tab Timeline: nodes, iterations, branches, steps and tries on one axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from orchestration.models import StepRecord
from orchestration.run_page.events import Events
from orchestration.run_page.subject import MOST_RECORDS, Subject
from orchestration.timeline import Records, Row, Timeline, timeline
from procedures.graph import words


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A row with where its link leads; `chosen` marks what was selected."""

    row: Row
    url: str
    chosen: bool


class TimelineTab:
    """`events` are read along with the timeline."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.events = Events(subject, timed=True)

    @cached_property
    def timeline(self) -> Timeline:
        subject = self._subject
        records = Records(subject.visits, self._steps, self.events.timed, subject.waiting.waits)
        labels = {key: words.label(key, node) for key, node in subject.document.nodes.items()}
        expected = subject.forecast.end if subject.forecast else None
        return timeline(
            subject.run,
            records,
            subject.now,
            labels=labels,
            expanded=self._expanded,
            only_errors=subject.selection.errors,
            before=subject.number("rows"),
            to_scale=subject.query.get("scale") == "1",
            expected=expected,
        )

    @property
    def _expanded(self) -> list[str]:
        """The nodes whose steps have rows: all of them when asked for, else the chosen one."""
        if self._subject.query.get("steps") == "1":
            return list(self._subject.document.nodes)
        return [self._subject.selection.node_id] if self._subject.selection else []

    @property
    def _steps(self) -> Sequence[StepRecord]:
        if not self._expanded:
            return []
        steps = StepRecord.objects.filter(run=self._subject.run, node_id__in=self._expanded)
        return list(steps.defer("params", "result", "error").order_by("-id")[:MOST_RECORDS])[::-1]

    @property
    def rows(self) -> Iterator[TimelineRow]:
        for row in self.timeline.rows:
            tab = "attempts" if row.step_id else ""
            url = self._subject.address(tab=tab, node="", path=row.path, step=row.step_id)
            yield TimelineRow(row, url, self._subject.selection.marks(row))
