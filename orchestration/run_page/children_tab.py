"""The tab of the runs that a run started by its subflows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from orchestration import selectors, sentences, waiting
from orchestration.models import Run
from orchestration.run_page.reading import also
from orchestration.run_page.subject import Subject

MOST_LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class ListedChild:
    """A child with the place that started it, and what it waits for or how it ended."""

    run: Run
    place: str
    words: str


def has_children(subject: Subject) -> bool:
    """Whether the run started any."""
    return bool(also(subject.run, "child_count"))


class ChildrenTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def _runs(self) -> list[Run]:
        """Those that the person may see, the newest first."""
        found = selectors.runs_visible_to(self._subject.actor).filter(parent_run=self._subject.run)
        return list(found.select_related("procedure", "job").order_by("-created_at", "-pk")[:MOST_LISTED])

    @property
    def children(self) -> Iterator[ListedChild]:
        waits = waiting.waiting_for_each(self._runs)
        for run in self._runs:
            words = sentences.second_line(run, waits[run.pk].entry, self._subject.now)
            yield ListedChild(run, self._subject.place(run.parent_path), words)
