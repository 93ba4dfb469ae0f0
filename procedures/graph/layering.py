"""Layers: which row each box stands in, and which column, so that lines cross little and run down."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from procedures.graph.model import Link

Pair = tuple[str, str]
SWEEPS = 6
APART = 1.25


@dataclass(frozen=True, slots=True)
class Layered:
    """Rows of ids from top to bottom, their columns, and for each link the ids it runs over.

    Ids that begin with a blank are bends: places where a long line passes a row.
    """

    rows: Sequence[Sequence[str]]
    columns: dict[str, float]
    chains: dict[Pair, list[str]]
    backward: frozenset[Pair]


def layered(ids: Sequence[str], start: str, links: Iterable[Link], groups: Iterable[Collection[str]] = ()) -> Layered:
    """Lay `ids` out in rows below `start`, with nobody else between the members of a group.

    Links that would run up are `backward` and get no chain.
    """
    pairs = list(dict.fromkeys((link.source, link.target) for link in links if link.source != link.target))
    backward = _backward(ids, start, pairs)
    forward = [pair for pair in pairs if pair not in backward]
    depth = _depths(ids, forward)
    _sink(depth, _reached(start, forward), forward)
    chains = {pair: _chain(pair, depth) for pair in forward}
    rows = _rows(ids, depth, chains)
    neighbours = _neighbours(chains.values())
    for sweep in range(SWEEPS):
        _sweep(rows, neighbours, downwards=sweep % 2 == 0)
    columns = _columns(rows, neighbours)
    for members in sorted(groups, key=len):
        _part(rows, columns, members)
    for chain in chains.values():
        _straighten(chain[1:-1], rows, columns)
    return Layered(rows, columns, chains, frozenset(backward))


def is_bend(key: str) -> bool:
    """Whether a key of a row is a bend of a line instead of a box."""
    return key.startswith(" ")


def _backward(ids: Sequence[str], start: str, pairs: Sequence[Pair]) -> set[Pair]:
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in pairs:
        following[source].append(target)
    state: dict[str, str] = {}
    found: set[Pair] = set()
    for root in [start, *ids]:
        if root in state:
            continue
        stack = [(root, iter(following[root]))]
        state[root] = "open"
        while stack:
            node, rest = stack[-1]
            onward = next(rest, None)
            if onward is None:
                state[node] = "done"
                stack.pop()
            elif onward not in state:
                state[onward] = "open"
                stack.append((onward, iter(following[onward])))
            elif state[onward] == "open":
                found.add((node, onward))
    return found


def _depths(ids: Sequence[str], forward: Sequence[Pair]) -> dict[str, int]:
    following: dict[str, list[str]] = defaultdict(list)
    waiting = dict.fromkeys(ids, 0)
    for source, target in forward:
        following[source].append(target)
        waiting[target] += 1
    depth = dict.fromkeys(ids, 0)
    ready = deque(node for node in ids if waiting[node] == 0)
    while ready:
        node = ready.popleft()
        for target in following[node]:
            depth[target] = max(depth[target], depth[node] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return depth


def _reached(start: str, forward: Sequence[Pair]) -> set[str]:
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in forward:
        following[source].append(target)
    found, ahead = {start}, [start]
    while ahead:
        ahead = [target for source in ahead for target in following[source] if target not in found]
        found.update(ahead)
    return found


def _sink(depth: dict[str, int], reached: set[str], forward: Sequence[Pair]) -> None:
    """Move what only failures lead to down to the last rows, as far as its own lines still run down."""
    others = depth.keys() - reached
    room = max(depth[key] for key in reached) - max((depth[key] for key in others), default=0)
    leaving = [(source, target) for source, target in forward if source in others and target in reached]
    down = min([room, *(depth[target] - depth[source] - 1 for source, target in leaving)])
    for key in others:
        depth[key] += max(down, 0)


def _chain(pair: Pair, depth: dict[str, int]) -> list[str]:
    source, target = pair
    bends = [f" {source}\n{target}\n{row}" for row in range(depth[source] + 1, depth[target])]
    return [source, *bends, target]


def _rows(ids: Sequence[str], depth: dict[str, int], chains: dict[Pair, list[str]]) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for node in ids:
        rows[depth[node]].append(node)
    for (source, _), chain in chains.items():
        for offset, bend in enumerate(chain[1:-1], 1):
            rows[depth[source] + offset].append(bend)
    return rows


def _neighbours(chains: Iterable[Sequence[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    for chain in chains:
        for upper, lower in pairwise(chain):
            above[lower].append(upper)
            below[upper].append(lower)
    return above, below


def _sweep(
    rows: list[list[str]], neighbours: tuple[dict[str, list[str]], dict[str, list[str]]], *, downwards: bool
) -> None:
    fixed = neighbours[0] if downwards else neighbours[1]
    order = rows if downwards else list(reversed(rows))
    place = {key: float(index) for index, key in enumerate(order[0])}
    for row in order[1:]:
        here = {key: float(index) for index, key in enumerate(row)}
        row.sort(key=lambda key: _mean([place[other] for other in fixed[key]], here[key]))
        place.update({key: float(index) for index, key in enumerate(row)})


def _columns(
    rows: Sequence[Sequence[str]], neighbours: tuple[dict[str, list[str]], dict[str, list[str]]]
) -> dict[str, float]:
    above, below = neighbours
    columns: dict[str, float] = {}
    for row in rows:
        _place(row, above, columns)
    for _ in range(2):
        for row in reversed(rows):
            _place(row, below, columns)
        for row in rows:
            _place(row, above, columns)
    return columns


def _place(row: Sequence[str], fixed: dict[str, list[str]], columns: dict[str, float]) -> None:
    wanted = {
        key: _mean([columns[other] for other in fixed[key]], columns.get(key, float(i))) for i, key in enumerate(row)
    }
    placed: dict[str, float] = {}
    for before, key in zip([None, *row], row, strict=False):
        least = placed[before] + _gap(before, key) if before is not None else wanted[key]
        placed[key] = max(wanted[key], least)
    shift = _mean([wanted[key] - placed[key] for key in row], 0.0)
    columns.update({key: round((column + shift) * 4) / 4 for key, column in placed.items()})


def _part(rows: Sequence[Sequence[str]], columns: dict[str, float], members: Collection[str]) -> None:
    """Move what does not belong to `members` to the right and the left of them, in the rows they stand in."""

    def belongs(key: str) -> bool:
        return bool(set(key.strip().split("\n")) & set(members))

    held = [number for number, row in enumerate(rows) if any(key in members for key in row)]
    if not held:
        return
    spanned = rows[held[0] : held[-1] + 1]
    inside = [columns[key] for row in spanned for key in row if belongs(key)]
    left, right = min(inside), max(inside)
    for row in spanned:
        strangers = sorted((key for key in row if not belongs(key)), key=lambda key: columns[key])
        _shift([key for key in strangers if 2 * columns[key] >= left + right], right, columns, 1)
        _shift([key for key in reversed(strangers) if 2 * columns[key] < left + right], left, columns, -1)


def _shift(keys: Sequence[str], edge: float, columns: dict[str, float], way: int) -> None:
    room = APART
    for key in keys:
        columns[key] = way * max(way * columns[key], way * edge + room)
        edge, room = columns[key], 1.0


def _straighten(bends: Sequence[str], rows: Sequence[Sequence[str]], columns: dict[str, float]) -> None:
    """Put the bends of one line into one column, where there is one with room for all of them."""
    for column in dict.fromkeys(columns[bend] for bend in bends):
        if all(_has_room(bend, column, rows[_row_of(bend)], columns) for bend in bends):
            columns.update(dict.fromkeys(bends, column))
            return


def _row_of(bend: str) -> int:
    return int(bend.rpartition("\n")[2])


def _has_room(key: str, column: float, row: Sequence[str], columns: Mapping[str, float]) -> bool:
    return all(other == key or abs(columns[other] - column) >= _gap(other, key) for other in row)


def _gap(left: str, right: str) -> float:
    if is_bend(left) and is_bend(right):
        return 0.25
    return 0.75 if is_bend(left) or is_bend(right) else 1.0


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
