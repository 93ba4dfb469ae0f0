"""How the parts of the engine see a region, so that they need not import its module."""

from collections.abc import Callable, Mapping
from typing import Protocol

from orchestration.runtime.limits import Limit
from orchestration.runtime.outcomes import Json, RegionEnd
from orchestration.runtime.state_size import Sizes, StateSize


class Owner(Protocol):
    """The visit of a loop or a parallel, as its regions see it."""

    limit: Limit | None

    @property
    def sizes(self) -> Sizes:
        """The sizes of the run's variables as the visit sees them."""

    @property
    def node_id(self) -> str: ...
    @property
    def path(self) -> str: ...


class Surroundings(Protocol):
    """What a visit sees of where it stands."""

    @property
    def path(self) -> str: ...

    @property
    def limit(self) -> Limit | None:
        """The nearest limit of time of what holds the region: its owners and the run."""

    @property
    def size(self) -> StateSize:
        """The size of the variables that it sees."""

    def look(self) -> None:
        """A boundary: raises when the drive, or this region or one that holds it, is to stop."""

    def retries(self, node_id: str) -> int:
        """How often a node sent the region back by a retry."""


class Region(Surroundings, Protocol):
    """A region that is being driven."""

    stopped: bool

    @property
    def counted(self) -> bool: ...
    @property
    def recorded(self) -> bool: ...
    @property
    def recorded_end(self) -> RegionEnd | None: ...

    def run(self, variables: Mapping[str, Json], entry: str) -> RegionEnd:
        """Drive it until it ends or waits."""

    def iteration(self, owner: Owner, index: int) -> "Region":
        """The region of a loop's iteration."""

    def branch(self, owner: Owner, branch_id: str, on_end: Callable[[RegionEnd], None]) -> "Region":
        """The region of a branch; `on_end` is called when it ends, before that is written."""
