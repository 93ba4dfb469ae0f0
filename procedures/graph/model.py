"""What a drawing is made from and what it consists of. Lengths are SVG units, one to a CSS pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

BOX_WIDTH = 170.0
BOX_HEIGHT = 40.0
COLUMN = 192.0
ROW = 78.0
LANE = 12.0
HEADROOM = 14.0


@dataclass(frozen=True, slots=True)
class Node:
    """A box: `label` in bold, `note` below it, `tier` deterministic, intelligent or control."""

    id: str
    label: str
    note: str
    tier: str


@dataclass(frozen=True, slots=True)
class Link:
    """A line from `source` to `target`. `error` lines are dashed."""

    source: str
    target: str
    label: str = ""
    error: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A dotted border around the boxes of a loop body or of branches."""

    label: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Box:
    node: Node
    x: float
    y: float
    width: float = BOX_WIDTH
    height: float = BOX_HEIGHT

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def centre(self) -> float:
        return self.y + self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def right(self) -> float:
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Line:
    """A drawn link: the SVG paths of line and arrow, its label and where that stands, and its outermost columns."""

    link: Link
    path: str
    tip: str
    label: str
    label_at: tuple[float, float]
    label_anchor: str
    reach: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    label: str
    x: float
    y: float
    width: float
    height: float

    @property
    def text_x(self) -> float:
        return self.x + 2 * LANE - 4

    @property
    def text_y(self) -> float:
        return self.y + 14


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes, lines and frames from x = `left` and y = -`HEADROOM` on."""

    boxes: Sequence[Box]
    lines: Sequence[Line]
    frames: Sequence[Frame]
    left: float
    width: float
    height: float
