"""What the compiler says about files, written down: as text, as JSON, as SARIF 2.1.0; and an explanation as text."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from procedures.ckp.compile import Compiled
from procedures.ckp.problems import CATALOGUE, Problem, docs_anchor
from procedures.worst_case import spending_in_words

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
SARIF_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A file by the name it was given, and what compiling it gave."""

    name: str
    compiled: Compiled


def as_text(files: Sequence[Checked]) -> str:
    """One line per problem as `file:line:column: severity code message`, then one line per file."""
    lines = [line for file in files for line in problem_lines(file.name, file.compiled.problems)]
    return "\n".join([*lines, *(f"{file.name}: {_verdict(file.compiled)}" for file in files)])


def problem_lines(name: str, problems: Sequence[Problem]) -> Iterator[str]:
    """One line per problem, in the form that editors and terminals turn into a link."""
    return (problem_line(name, problem.as_dict()) for problem in problems)


def problem_line(name: str, shown: Mapping[str, Any]) -> str:
    """The line of one problem as the API shows it."""
    hint = f" ({shown['hint']})" if shown.get("hint") else ""
    place = f"{name}:{shown['line'] or 1}:{shown['column'] or 1}"
    return f"{place}: {shown['severity']} {shown['code']} {shown['message']}{hint}"


def as_json(files: Sequence[Checked]) -> str:
    """A list with one object per file: file, ok, document_hash, problems."""
    shown = [
        {
            "file": file.name,
            "ok": file.compiled.ok,
            "document_hash": file.compiled.document_hash,
            "problems": [problem.as_dict() for problem in file.compiled.problems],
        }
        for file in files
    ]
    return json.dumps(shown, indent=2, ensure_ascii=False)


def as_sarif(files: Sequence[Checked], release: str) -> str:
    """One SARIF run over all files. `release` is the LangOrch that checked; only rules that were met are listed."""
    met = sorted({problem.code for file in files for problem in file.compiled.problems})
    index = {code: position for position, code in enumerate(met)}
    run = {
        "tool": {"driver": {"name": "LangOrch", "version": release, "rules": [_rule(code) for code in met]}},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(file.name, problem, index[problem.code]) for file in files for problem in file.compiled.problems
        ],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def explained_as_text(explained: dict[str, Any]) -> str:
    """An explanation for a terminal: what goes in and comes out, what is called, which ways a run may take."""
    variables = explained["variables"]
    sections = {
        "needs": variables["required"],
        "still missing": variables["missing_inputs"],
        "may be given": variables["optional"],
        "produces": variables["produced"],
        "may be undefined": [doubt["name"] for doubt in variables["maybe_undefined"]],
        "secrets": [secret["alias"] for secret in explained["secrets"]],
        "calls": list(map(_call, explained["external_calls"])),
        "a run spends": spending_in_words(explained["bounds"]),
        "routes": list(map(_route, explained["routes"])),
    }
    lines = [f"{explained['procedure_id']} {explained['version']}  {explained['document_hash']}"]
    for title, entries in sections.items():
        lines.append(f"{title}:{'' if entries else ' nothing'}")
        lines.extend(f"  {entry}" for entry in entries)
    return "\n".join(lines)


def _verdict(compiled: Compiled) -> str:
    errors = len(compiled.errors)
    others = len(compiled.problems) - errors
    if not compiled.ok:
        return f"refused, {_counted(errors, 'error')}, {_counted(others, 'remark')}"
    return f"fine, {_counted(others, 'remark')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _rule(code: str) -> dict[str, Any]:
    entry = CATALOGUE[code]
    return {
        "id": code,
        "shortDescription": {"text": entry.summary},
        "defaultConfiguration": {"level": SARIF_LEVELS[entry.severity]},
        "help": {"text": f"See {docs_anchor(code)}"},
    }


def _result(name: str, problem: Problem, rule_index: int) -> dict[str, Any]:
    place = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(name)},
            "region": {"startLine": problem.line or 1, "startColumn": problem.column or 1},
        },
        "logicalLocations": [{"fullyQualifiedName": problem.pointer or "/"}],
    }
    hint = f" {problem.hint}" if problem.hint else ""
    return {
        "ruleId": problem.code,
        "ruleIndex": rule_index,
        "level": SARIF_LEVELS[problem.severity],
        "message": {"text": problem.message + hint},
        "locations": [place],
    }


def _uri(name: str) -> str:
    path = Path(name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _call(call: dict[str, Any]) -> str:
    gates = f", behind {', '.join(call['gates'])}" if call["gates"] else ""
    return f"{call['ref']}: {call['action']} ({call['binding_kind']}, {call['side_effect']}){gates}"


def _route(route: dict[str, Any]) -> str:
    way = [f" → {node}" if edge is None else f" →[{edge}] {node}" for edge, node in _taken(route)]
    return f"{route['ends']}: {route['nodes'][0]}{''.join(way)}"


def _taken(route: dict[str, Any]) -> Iterator[tuple[str | None, str]]:
    return zip(route["edges"], route["nodes"][1:], strict=False)


WRITERS: Final[dict[str, Callable[[Sequence[Checked], str], str]]] = {
    "text": lambda files, release: as_text(files),
    "json": lambda files, release: as_json(files),
    "sarif": as_sarif,
}
"""By the name of a format; each gets the files and the release of LangOrch."""
