"""Findings of the canonical document become problems of the imported text."""

import json
from typing import Any

from procedures.ckp.dialects import Normal
from procedures.ckp.positions import Lines, places
from procedures.ckp.problems import Problem, cut, severity_of
from procedures.ckp.report import Finding, Path, Report, pointer_of, pointers_to


def place(report: Report, normal: Normal, text: str, *, prod: bool, indented: bool = False) -> tuple[Problem, ...]:
    """Problems in the order of the text, then of code; the list is cut with CKP009."""
    unique = _once(report)
    if not unique:
        return ()
    if indented:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    sources = [(finding, normal.source(finding.path)) for finding in unique]
    wanted = {pointer for _, path in sources for pointer in pointers_to(path)}
    offsets = places(text, wanted)
    lines = Lines(text)
    placed = sorted(
        ((_offset(path, offsets), finding.code, finding.offset or 0, finding, path) for finding, path in sources),
        key=lambda entry: entry[:3],
    )
    problems = [
        _problem(finding, path, lines.place(offset), normal, prod=prod) for offset, _, _, finding, path in placed
    ]
    return cut(problems, report.dropped)


def _once(report: Report) -> list[Finding]:
    """The findings without repetition; of a placeholder in a plain text only what is wrong with that text anyway."""
    found = list(dict.fromkeys(report.findings))
    refused = {finding.path for finding in found if finding.offset is None}
    return [finding for finding in found if finding.code != "CKP411" or finding.path not in refused]


def _offset(path: Path, offsets: dict[str, int]) -> int:
    """Offset of the deepest part of a path that stands in the text."""
    return next((offsets[pointer] for pointer in reversed(pointers_to(path)) if pointer in offsets), 0)


def _problem(finding: Finding, path: Path, where: tuple[int, int], normal: Normal, *, prod: bool) -> Problem:
    node_id, step_id = _names(finding.path, normal.tree)
    return Problem(
        code=finding.code,
        severity=finding.severity or severity_of(finding.code, prod=prod),
        pointer=pointer_of(path),
        line=where[0],
        column=where[1],
        message=finding.message,
        hint=finding.hint,
        offset=finding.offset,
        node_id=node_id,
        step_id=step_id,
    )


def _names(path: Path, tree: dict[str, Any]) -> tuple[str | None, str | None]:
    """The node, and the deepest step, that a path lies in."""
    if path[:2] != ("workflow_graph", "nodes") or len(path) < 3:
        return None, None
    step_id = None
    value: Any = tree
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(value, dict) and isinstance(value.get("step_id"), str):
            step_id = value["step_id"]
    return str(path[2]), step_id
