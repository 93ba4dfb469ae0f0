"""Paths: where in a run a visit stands (runtime, first table). Pure."""

import hashlib
import re
from typing import Final
from uuid import UUID

from orchestration.visit_rows import holds

__all__ = ["around", "branch", "encode", "handler", "holds", "iterated", "iteration", "key", "undo", "visit"]
MAX_LENGTH: Final = 500
LONGEST_KEY: Final = 250

_ITERATION: Final = re.compile(r"(.+)\[(\d+)\]")
_RESERVED: Final = str.maketrans({char: f"%{ord(char):02X}" for char in "%/[]:#!~"})


def encode(node_or_branch_id: str) -> str:
    """An id as it stands in a path."""
    return node_or_branch_id.translate(_RESERVED)


def visit(region: str, node_id: str, count: int) -> str:
    """The path of the `count`-th visit (from 1) of a node in a region."""
    name = encode(node_id) if count == 1 else f"{encode(node_id)}#{count}"
    return f"{region}/{name}" if region else name


def iteration(owner: str, index: int) -> str:
    """The region of a loop's iteration, counted from 0; `owner` is the path of the loop's visit."""
    return f"{owner}[{index}]"


def branch(owner: str, branch_id: str) -> str:
    """The region of a branch; `owner` is the path of the parallel's visit."""
    return f"{owner}:{encode(branch_id)}"


def handler(visit_path: str, place: int, act: int) -> str:
    """Where the recovery steps of a handler are recorded when it acts for the `act`-th time (from 1)."""
    return f"{visit_path}!{place}" if act == 1 else f"{visit_path}!{place}#{act}"


def undo(path: str) -> str:
    """Where the steps are recorded that undo what was done at a path."""
    return f"{path}~undo"


def around(region: str) -> list[str]:
    """The regions around a place of a region and it itself, the outermost first."""
    parts = region.split("/")
    return ["", *("/".join(parts[:count]) for count in range(1, len(parts) + 1) if region)]


def iterated(region: str) -> tuple[str, int] | None:
    """The path of the loop's visit whose iteration a region is, and the number of that; none for other regions."""
    match = _ITERATION.fullmatch(region)
    return None if match is None else (match[1], int(match[2]))


def key(run_id: UUID, path: str, step_id: str) -> str:
    """The key under which a step's effect is asked for outside, the same for every attempt (runtime 8)."""
    plain = f"{run_id}:{path}:{step_id}"
    return plain if len(plain) <= LONGEST_KEY else f"{run_id}:{hashlib.sha256(plain.encode()).hexdigest()}"
