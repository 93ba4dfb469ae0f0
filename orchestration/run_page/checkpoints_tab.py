"""The tab Checkpoints: the state of a run after each visit, step by step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from orchestration import history
from orchestration.changes import ABSENT, Difference, differences
from orchestration.history import Checkpoint
from orchestration.models import Snapshot, Wait
from orchestration.run_page.shown import Change, Shown, shown
from orchestration.run_page.subject import Subject

AROUND: Final = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A checkpoint in the list, counted from 1."""

    number: int
    checkpoint: Checkpoint
    place: str
    url: str
    chosen: bool


@dataclass(slots=True)
class _States:
    """The variables after the visits that matter, and at the entry of the region of the chosen one."""

    after: dict[str, dict[str, Any]] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)


class CheckpointsTab:
    """The chosen checkpoint is that of the selected visit, else the latest."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @property
    def strategy(self) -> str:
        return self._subject.document.global_config.checkpoint_strategy

    @cached_property
    def checkpoints(self) -> Sequence[Checkpoint]:
        """Those that the document's strategy shows, in order of time."""
        subject = self._subject
        parked: Sequence[str] = []
        if self.strategy == "critical_nodes_only":
            parked = list(Wait.objects.filter(run=subject.run).values_list("path", flat=True).distinct())
        return history.checkpoints(subject.run.pk, subject.document, subject.visits, parked)

    @cached_property
    def index(self) -> int:
        """Where the chosen checkpoint stands; -1 without any."""
        paths = [checkpoint.visit.path for checkpoint in self.checkpoints]
        wanted = self._subject.selection.path
        return paths.index(wanted) if wanted in paths else len(paths) - 1

    @property
    def number(self) -> int:
        return self.index + 1

    @property
    def chosen(self) -> Checkpoint | None:
        return self.checkpoints[self.index] if self.checkpoints else None

    @property
    def place(self) -> str:
        """Where the chosen checkpoint was, in words."""
        return self._subject.place(self.chosen.visit.path) if self.chosen else ""

    @property
    def next_node(self) -> str:
        """Where the run went from there."""
        target = self.chosen.visit.next_node if self.chosen else ""
        return self._subject.name(target) if target else ""

    @property
    def too_large(self) -> bool:
        """Whether the visit changed more than was read for a list."""
        return self.chosen is not None and self.chosen.visit.changes is None

    @property
    def previous_url(self) -> str:
        return self._url(self.index - 1)

    @property
    def next_url(self) -> str:
        return self._url(self.index + 1)

    def _url(self, index: int) -> str:
        """The page with another checkpoint chosen; empty where there is none."""
        if not 0 <= index < len(self.checkpoints):
            return ""
        return self._subject.address(path=self.checkpoints[index].visit.path, node="", step="")

    @property
    def chosen_url(self) -> str:
        return self._url(self.index)

    @cached_property
    def _before(self) -> Checkpoint | None:
        """The checkpoint before the chosen one in the same region."""
        chosen = self.chosen
        earlier = reversed(self.checkpoints[: max(self.index, 0)])
        return next((one for one in earlier if chosen and one.thread_id == chosen.thread_id), None)

    @property
    def since(self) -> str:
        """What the changes are told against, in words."""
        return f"since {self._subject.place(self._before.visit.path)}" if self._before else "since the start"

    @cached_property
    def _states(self) -> _States:
        subject, states = self._subject, _States()
        wanted = {one.visit.path for one in (self.chosen, self._before) if one}
        region = self.chosen.visit.region if self.chosen else ""
        for visit, variables in history.walk(subject.document, subject.run.input_vars, subject.visits):
            if visit.region == region and visit.pos == 1:
                states.entry = dict(variables)
            if visit.path in wanted:
                states.after[visit.path] = {**variables, **(visit.changes or {})}
        return states

    @property
    def changed(self) -> Iterator[Change]:
        """What is different from the checkpoint before it in the region, or from the region's start."""
        if self.chosen is None:
            return
        states, before = self._states, self._before
        then = states.after.get(before.visit.path, {}) if before else states.entry
        for found in differences(then, states.after[self.chosen.visit.path]):
            yield self._change(found)

    def _change(self, found: Difference) -> Change:
        before, after = (self._masked(found.name, value) for value in (found.before, found.after))
        return Change(found.name, before, after)

    def _masked(self, name: str, value: Any) -> Shown | None:
        if value is ABSENT:
            return None
        return shown(self._subject.masked(name, value))

    @property
    def variables(self) -> Iterator[tuple[str, Shown]]:
        """All variables after the chosen visit."""
        values = self._states.after[self.chosen.visit.path] if self.chosen else {}
        for name, value in values.items():
            yield name, shown(self._subject.masked(name, value))

    @cached_property
    def pinned(self) -> str:
        """Why the state is kept as it is; empty when it is told from the records alone."""
        if self.chosen is None:
            return ""
        kept = Snapshot.objects.filter(
            run=self._subject.run, region=self.chosen.visit.region, pos=self.chosen.visit.pos
        )
        return kept.values_list("reason", flat=True).first() or ""

    @property
    def listed(self) -> Iterator[Listed]:
        """The checkpoints around the chosen one, the latest first."""
        first = max(0, self.index - AROUND)
        near = list(enumerate(self.checkpoints))[first : self.index + AROUND]
        for index, checkpoint in reversed(near):
            place = self._subject.place(checkpoint.visit.path)
            yield Listed(index + 1, checkpoint, place, self._url(index), index == self.index)
