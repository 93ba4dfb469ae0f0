"""The picture of a procedure for a page: a drawing with what each box shows, links to, and how it is marked."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from procedures.ckp.document import Document, LoopNode
from procedures.ckp.edges import Edge, edges
from procedures.ckp.regions import Region, regions
from procedures.graph import words
from procedures.graph.layout import draw
from procedures.graph.model import HEADROOM, Box, Drawing, Group, Line, Link, Node

LABEL_LENGTH = 28
READABLE_WIDTH = 900
SHORT_LABELS = {
    "default": "else",
    "approved": "approve",
    "rejected": "reject",
    "loop_body": "each",
    "loop_exit": "when all are done",
    "parallel_join": "",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """How a run marks a box: a class (n-ok, n-bad, n-warn, n-live, n-idle), a status for its icon, a line of words."""

    css: str
    status: str = ""
    note: str = ""


UNMARKED = Mark("")


@dataclass(frozen=True, slots=True)
class PicturedBox:
    box: Box
    mark: Mark
    href: str
    chosen: bool

    @property
    def note(self) -> str:
        return self.mark.note or self.box.node.note


@dataclass(frozen=True, slots=True)
class PicturedLine:
    line: Line
    taken: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A box in words: `ways` are the lines out of it, as "reject → Tell the vendor"."""

    pictured: PicturedBox
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Ready for the template `components/graph.html`."""

    drawing: Drawing
    boxes: tuple[PicturedBox, ...]
    lines: tuple[PicturedLine, ...]

    @property
    def view_box(self) -> str:
        drawing = self.drawing
        return f"{drawing.left:.0f} {-HEADROOM:.0f} {drawing.width:.0f} {drawing.height:.0f}"

    @property
    def wide(self) -> bool:
        """Whether the drawing scrolls sideways instead of shrinking until nobody can read it."""
        return self.drawing.width > READABLE_WIDTH

    def listed(self) -> Iterator[Listed]:
        """The boxes from top to bottom, for those who read instead of look."""
        names = {pictured.box.node.id: pictured.box.node.label for pictured in self.boxes}
        ways: dict[str, list[str]] = {}
        for pictured in self.lines:
            link = pictured.line.link
            ways.setdefault(link.source, []).append(f"{link.label} → {names[link.target]}".strip())
        for pictured_box in sorted(self.boxes, key=lambda pictured: (pictured.box.y, pictured.box.x)):
            yield Listed(pictured_box, tuple(ways.get(pictured_box.box.node.id, ())))

    def tiers(self) -> Iterator[tuple[str, int]]:
        """Each tier and how many boxes have it."""
        for tier in ("deterministic", "intelligent", "control"):
            yield tier, sum(1 for pictured in self.boxes if pictured.box.node.tier == tier)


def picture(
    document: Document,
    *,
    marks: Mapping[str, Mark] | None = None,
    taken: Collection[tuple[str, str]] = (),
    chosen: str = "",
    href: str = "?node={}",
    errors: bool = False,
) -> Picture:
    """Draw `document`; `marks` by node id, `taken` are the edges a run went along, `errors` shows error edges too.

    A run's own picture (`marks` given) shows the error edges it went along as well.
    """
    nodes = document.nodes
    found = list(edges(document))
    joined = _joined(document)
    shown = [_link(edge) for edge in found if _shown(edge, errors, taken) and (edge.source, edge.target) not in joined]
    drawing = draw(
        [Node(key, words.label(key, node), words.note(node), node.TIER) for key, node in nodes.items()],
        document.workflow_graph.start_node,
        _merged([*shown, *_returns(document)]),
        _groups(document),
    )
    boxes = (
        PicturedBox(
            box, (marks or {}).get(box.node.id, UNMARKED), href.format(quote(box.node.id)), box.node.id == chosen
        )
        for box in drawing.boxes
    )
    lines = [PicturedLine(line, (line.link.source, line.link.target) in taken) for line in drawing.lines]
    return Picture(drawing, tuple(boxes), tuple(sorted(lines, key=lambda pictured: pictured.taken)))


def error_edges(document: Document) -> int:
    """How many edges of failure there are, drawn only on demand."""
    return sum(1 for edge in edges(document) if edge.kind == "error" and edge.target)


def _shown(edge: Edge, errors: bool, taken: Collection[tuple[str, str]]) -> bool:
    if edge.target is None or edge.source == edge.target:
        return False
    return edge.kind != "error" or errors or (edge.source, edge.target) in taken


def _merged(links: Iterable[Link]) -> list[Link]:
    """One line for all ways between two nodes, with all their labels."""
    found: dict[tuple[str, str, bool], list[str]] = {}
    for link in links:
        found.setdefault((link.source, link.target, link.error), []).append(link.label)
    return [Link(*pair[:2], ", ".join(filter(None, labels)), pair[2]) for pair, labels in found.items()]


def _joined(document: Document) -> set[tuple[str, str | None]]:
    """The ways from a parallel straight to its join; the branches show them already."""
    return {
        (owner, region.join)
        for owner, region in regions(document).items()
        if owner and document.nodes[owner].type == "parallel" and region.members
    }


def _link(edge: Edge) -> Link:
    condition = (edge.condition or "").removeprefix("branch:").removeprefix("option:")
    text = SHORT_LABELS.get(condition, condition.replace("{{", "").replace("}}", "").strip())
    cut = text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"
    return Link(edge.source, edge.target or "", cut, error=edge.kind == "error")


def _returns(document: Document) -> Iterator[Link]:
    """Where a null successor leads inside a region: back to its loop, or on to the join of its parallel."""
    found = regions(document)
    home = {member: owner for owner, region in found.items() if owner for member in region.members}
    for edge in edges(document):
        owner = home.get(edge.source)
        if owner is None or edge.target is not None:
            continue
        if document.nodes[owner].type == "loop":
            yield Link(edge.source, owner, "next")
        elif (join := found[owner].join) is not None:
            yield Link(edge.source, join)


def _groups(document: Document) -> list[Group]:
    """A border for every loop, around its body and the bodies of the loops and branches inside it."""
    found = regions(document)
    return [
        Group(words.repetition(node), frozenset(_inside(region.members, found)))
        for owner, region in found.items()
        if owner and isinstance(node := document.nodes[owner], LoopNode)
    ]


def _inside(members: Iterable[str], found: Mapping[str, Region]) -> Iterator[str]:
    for member in members:
        yield member
        if member in found:
            yield from _inside(found[member].members, found)
