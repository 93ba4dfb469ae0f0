"""What the page that compares two runs shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from orchestration import comparing, graph_overlay, sentences
from orchestration.changes import ABSENT
from orchestration.comparing import NodeTime, Pair, StepRow, Values
from orchestration.comparison import Comparison
from orchestration.mode_words import mode_words
from orchestration.models import Run
from orchestration.run_page.shown import Change, Shown, shown
from orchestration.visit_rows import VisitRow
from procedures.graph import words
from procedures.graph.picture import Picture, picture

ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs: its name, mode, length and picture."""

    run: Run
    title: str
    mode: str
    seconds: float | None
    picture: Picture


@dataclass(frozen=True, slots=True)
class Row:
    """A place in both runs; each says in words what the run did there."""

    place: str
    run: str
    other: str
    same: bool


@dataclass(frozen=True, slots=True)
class Time:
    """A node in both runs, with the longer of both times for the width of its bars."""

    name: str
    spent: NodeTime
    most: float

    @property
    def run_percent(self) -> float:
        return 100 * self.spent.run.seconds / self.most if self.most else 0.0

    @property
    def other_percent(self) -> float:
        return 100 * self.spent.other.seconds / self.most if self.most else 0.0


class ComparePage:
    """`everything` also shows what is the same."""

    def __init__(self, found: Comparison, query: Mapping[str, str]) -> None:
        self.found = found
        self.everything = query.get("all") == "1"

    @cached_property
    def sides(self) -> list[Side]:
        return [self._side(run) for run in (self.found.run, self.found.other)]

    def _side(self, run: Run) -> Side:
        document = self.found.document(run)
        overlay = graph_overlay.overlay(self.found.visits(run), (), run.status)
        marks = graph_overlay.with_idle(overlay, document.nodes)
        drawn = picture(document, marks=marks, taken=overlay.taken, href=f"/runs/{run.pk}?node={{}}")
        return Side(run, run.title or run.procedure.name, mode_words(run), self.found.seconds(run), drawn)

    def _name(self, node_id: str) -> str:
        for run in (self.found.run, self.found.other):
            node = self.found.document(run).nodes.get(node_id)
            if node is not None:
                return words.name(node_id, node.description)
        return words.name(node_id, None)

    def _place(self, path: str) -> str:
        return sentences.place(path, self._name)

    @property
    def parts_at(self) -> str:
        """Where the two part, in words; empty when they went the same way."""
        path = comparing.first_difference(self.found.paths)
        return self._place(path) if path else ""

    @cached_property
    def paths(self) -> list[Row]:
        """Where they went, or only where they did something else."""
        pairs = [pair for pair in self.found.paths if self.everything or not pair.same]
        return [self._visited(pair) for pair in pairs[:ROWS]]

    def _visited(self, pair: Pair[VisitRow]) -> Row:
        return Row(self._place(pair.either.path), self._did(pair.run), self._did(pair.other), pair.same)

    def _did(self, visit: VisitRow | None) -> str:
        if visit is None:
            return "never there"
        if visit.error:
            return f"failed: {visit.error.get('class', '')}"
        if visit.ended_at is None:
            return "still there"
        return f"on to {self._name(visit.next_node)}" if visit.next_node else "ended there"

    @cached_property
    def steps(self) -> list[Row]:
        """What their steps met, or only where they met something else."""
        pairs = [pair for pair in self.found.steps if self.everything or not pair.same]
        return [
            Row(f"{self._place(pair.either.path)}, {pair.either.step_id}", _met(pair.run), _met(pair.other), pair.same)
            for pair in pairs[:ROWS]
        ]

    @property
    def inputs(self) -> Iterator[Change]:
        return self._values(self.found.inputs)

    @property
    def variables(self) -> Iterator[Change]:
        """Those that are no inputs."""
        inputs = {one.name for one in self.found.inputs}
        return self._values([one for one in self.found.variables if one.name not in inputs])

    @property
    def outputs(self) -> Iterator[Change]:
        return self._values(self.found.outputs)

    def _values(self, found: list[Values]) -> Iterator[Change]:
        for one in found:
            if self.everything or not one.same:
                yield Change(one.name, _shown(one.run), _shown(one.other))

    @cached_property
    def times(self) -> list[Time]:
        """The nodes in order, with what both spent there."""
        spent = self.found.node_times
        most = max((max(one.run.seconds, one.other.seconds) for one in spent), default=0.0)
        return [Time(self._name(one.node_id), one, most) for one in spent]


def _met(step: StepRow | None) -> str:
    if step is None:
        return "not done"
    tries = f", {step.attempt} tries" if step.attempt > 1 else ""
    failed = f": {step.error.get('class', '')}" if step.error else ""
    return f"{step.state}{failed}{tries}"


def _shown(value: Any) -> Shown | None:
    return None if value is ABSENT else shown(value)
