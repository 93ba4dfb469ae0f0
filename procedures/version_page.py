"""What the page of one version shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from procedures.ckp.compile import load_document
from procedures.ckp.document import Document, NodeBase
from procedures.graph.picture import Picture, error_edges, picture
from procedures.listing import Row, listing
from procedures.models import CurrentVersion, ProcedureVersion

TAB_NAMES = {"graph": "Graph", "document": "Document", "variables": "Variables"}
MOST_VERSIONS = 8
SEVERITY_ORDER = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable: `source` says where its value comes from."""

    name: str
    type: str
    source: str
    description: str
    constraints: str
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Sister:
    version: ProcedureVersion
    channels: str


@dataclass(frozen=True, slots=True)
class VersionPage:
    tabs: Sequence[Mapping[str, Any]]
    picture: Picture
    error_edges: int
    with_errors: bool
    variables: Sequence[Variable]
    problems: Sequence[Mapping[str, Any]]
    sisters: Sequence[Sister]
    channels: str
    rows: Sequence[Row]
    node_id: str
    node: Mapping[str, Any] | None


def of(version: ProcedureVersion, *, tab: str, node_id: str, errors: bool) -> VersionPage:
    """Everything the page of `version` shows with `tab` open and `node_id` chosen."""
    document = load_document(version.document.canonical)
    channels = _channels(version)
    node = document.workflow_graph.nodes.get(node_id)
    return VersionPage(
        tabs=_tabs(tab, len(document.variables_schema)),
        picture=picture(document, chosen=node_id, errors=errors),
        error_edges=error_edges(document),
        with_errors=errors,
        variables=_variables(document),
        problems=sorted(version.problems, key=lambda problem: SEVERITY_ORDER.index(problem["severity"])),
        sisters=_sisters(version, channels),
        channels=" ".join(channels.get(version.version, [])),
        rows=listing(version.source, version.problems, whole=True) if tab == "document" else [],
        node_id=node_id,
        node=_as_data(node) if node else None,
    )


def _tabs(tab: str, variables: int) -> list[Mapping[str, Any]]:
    counts = {"variables": variables}
    return [
        {"label": label, "url": f"?tab={key}", "current": key == tab, "count": counts.get(key)}
        for key, label in TAB_NAMES.items()
    ]


def _variables(document: Document) -> list[Variable]:
    return [
        Variable(
            name=name,
            type=meta.type or "any",
            source=_source(meta),
            description=meta.description or "",
            constraints=_constraints(meta),
            sensitive=meta.sensitive,
        )
        for name, meta in document.variables_schema.items()
    ]


def _source(meta: Any) -> str:
    if meta.origin == "system_captured":
        return "the procedure"
    if meta.has_default and meta.default not in (None, ""):
        return f"start, {meta.default}"
    return "start, required" if meta.required else "start"


def _constraints(meta: Any) -> str:
    rules = meta.validation.model_dump(exclude_unset=True, exclude_none=True) if meta.validation else {}
    return ", ".join(f"{name.replace('_', ' ')} {rule}" for name, rule in rules.items())


def _channels(version: ProcedureVersion) -> dict[str, list[str]]:
    current = CurrentVersion.system.filter(procedure=version.procedure_id).select_related("version")
    found: dict[str, list[str]] = {}
    for row in current:
        found.setdefault(row.version.version, []).append(row.channel)
    return found


def _sisters(version: ProcedureVersion, channels: Mapping[str, list[str]]) -> list[Sister]:
    found = ProcedureVersion.system.filter(procedure=version.procedure_id).defer("source", "problems", "search_text")
    return [Sister(sister, " ".join(channels.get(sister.version, []))) for sister in found[:MOST_VERSIONS]]


def _as_data(node: NodeBase) -> Mapping[str, Any]:
    return node.model_dump(mode="json", exclude_defaults=True, by_alias=True)
