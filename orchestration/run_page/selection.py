"""What a person has chosen on the page of a run: a node, a visit or region by its path, a step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from django.db.models import Q

from orchestration.visit_rows import node_of

BELOW = ("/", "[", ":", "!", "~")


class Placed(Protocol):
    """Something that belongs to a node, perhaps to a visit and a step."""

    @property
    def node_id(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def step_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Selection:
    """All parts may be empty; together they narrow each other. `errors` leaves what went wrong."""

    node: str = ""
    path: str = ""
    step: str = ""
    errors: bool = False

    @property
    def node_id(self) -> str:
        """The node that is marked on the graph."""
        return self.node or (node_of(self.path) if self.path else "")

    def __bool__(self) -> bool:
        return bool(self.node or self.path or self.step)

    def filter(self) -> Q:
        """Rows with node_id, path and step_id that lie inside."""
        wanted = Q(node_id=self.node) if self.node else Q()
        if self.path:
            below = (Q(path__startswith=f"{self.path}{mark}") for mark in BELOW)
            wanted &= Q(Q(path=self.path), *below, _connector=Q.OR)
        return wanted & Q(step_id=self.step) if self.step else wanted

    def holds(self, row: Placed) -> bool:
        """Whether a row that was read already lies inside."""
        if (self.node and row.node_id != self.node) or (self.step and row.step_id != self.step):
            return False
        return not self.path or row.path == self.path or row.path.startswith(tuple(self.path + mark for mark in BELOW))

    def marks(self, row: Placed) -> bool:
        """Whether a row is what was chosen itself."""
        if self.path:
            return row.path == self.path and row.step_id == self.step
        return bool(self.node) and row.node_id == self.node


def selection(query: Mapping[str, str]) -> Selection:
    """What the query string chooses."""
    return Selection(query.get("node", ""), query.get("path", ""), query.get("step", ""), query.get("errors") == "1")
