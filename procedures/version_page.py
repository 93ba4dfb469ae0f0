"""What the page of one version shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef

from procedures.ckp.compile import load_document
from procedures.ckp.document import Document, NodeBase
from procedures.ckp.document.variables import VariableMeta
from procedures.ckp.values import canonical_json
from procedures.declared import in_declared_order
from procedures.graph import words
from procedures.graph.picture import Picture, error_edges, picture
from procedures.listing import SEVERITIES, Row, line_of_pointer, listing
from procedures.models import CurrentVersion, ProcedureVersion
from procedures.selectors import HIGHEST_FIRST, channels_of
from procedures.version_tabs import SECTIONS, tabs

MOST_VERSIONS = 8
FIRST_PROBLEMS = 4

Problem = Mapping[str, Any]


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


@dataclass(slots=True)
class Remark:
    """A problem, and every place where it was found."""

    problem: Problem
    places: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChosenNode:
    """A node as the document has it, and its line there."""

    name: str
    type: str
    line: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VersionPage:
    tab: str
    tabs: Sequence[Mapping[str, Any]]
    picture: Picture
    error_edges: int
    with_errors: bool
    variables: Sequence[Variable]
    remarks: Sequence[Remark]
    problem_count: int
    sisters: Sequence[Sister]
    channels: str
    rows: Sequence[Row]
    node: ChosenNode | None

    @property
    def first_remarks(self) -> Sequence[Remark]:
        """Those that stand beside the graph; all are on a tab of their own."""
        return self.remarks[:FIRST_PROBLEMS]


def of(version: ProcedureVersion, query: Mapping[str, str]) -> VersionPage:
    """Everything the page of `version` shows; the query string says tab, node, and errors=1 for edges of failure."""
    document = load_document(version.document.canonical)
    tab = query["tab"] if query.get("tab") in SECTIONS else "graph"
    node_id, errors = query.get("node", ""), query.get("errors") == "1"
    return VersionPage(
        tab=tab,
        tabs=tabs(version, tab),
        picture=picture(document, chosen=node_id, errors=errors, href=_href(errors)),
        error_edges=error_edges(document),
        with_errors=errors,
        variables=_variables(document, version.source),
        remarks=_remarks(version.problems),
        problem_count=len(version.problems),
        sisters=_sisters(version),
        channels=", ".join(channels_of(version)),
        rows=listing(version.source, version.problems, whole=True) if tab == "document" else [],
        node=_chosen(version, document, node_id),
    )


def _href(errors: bool) -> str:
    return "?errors=1&node={}#node" if errors else "?node={}#node"


def _remarks(problems: Sequence[Problem]) -> list[Remark]:
    """Problems of the same words once, the worst first."""
    found: dict[tuple[str, str], Remark] = {}
    for problem in sorted(problems, key=lambda one: SEVERITIES.index(one["severity"])):
        found.setdefault((problem["code"], problem["message"]), Remark(problem)).places.append(problem)
    return list(found.values())


def _variables(document: Document, source: str) -> list[Variable]:
    declared = in_declared_order(document.variables_schema, source)
    return [_variable(name, meta) for name, meta in declared.items()]


def _variable(name: str, meta: VariableMeta) -> Variable:
    return Variable(
        name=name,
        type=meta.type or "any",
        source=_source(meta),
        description=meta.description or "",
        constraints=_constraints(meta),
        sensitive=meta.is_sensitive,
    )


def _source(meta: VariableMeta) -> str:
    if meta.origin == "system_captured":
        return "the procedure"
    if meta.has_default and meta.default not in (None, "") and not meta.is_sensitive:
        return f"start, {_shown(meta.default)}"
    return "start, required" if meta.required and not meta.has_default else "start"


def _constraints(meta: VariableMeta) -> str:
    rules = meta.validation.model_dump(exclude_unset=True, exclude_none=True)
    return ", ".join(f"{name.replace('_', ' ')} {_shown(rule)}" for name, rule in rules.items())


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def _sisters(version: ProcedureVersion) -> list[Sister]:
    every = ProcedureVersion.system.filter(procedure=version.procedure_id).order_by("-number")
    current = CurrentVersion.system.filter(version=OuterRef("pk"))
    marked = every.annotate(**{channel: Exists(current.filter(channel=channel)) for channel in HIGHEST_FIRST})
    newest = marked.only("version", "status", "updated_at")[:MOST_VERSIONS]
    return [Sister(sister, ", ".join(one for one in HIGHEST_FIRST if vars(sister)[one])) for sister in newest]


def _chosen(version: ProcedureVersion, document: Document, node_id: str) -> ChosenNode | None:
    node = document.nodes.get(node_id)
    if node is None:
        return None
    line = line_of_pointer(version.source, f"/workflow_graph/nodes/{node_id}")
    return ChosenNode(words.name(node_id, node.description), node.type, line, _as_data(node))


def _as_data(node: NodeBase) -> Mapping[str, Any]:
    return node.model_dump(mode="json", exclude_defaults=True, by_alias=True)
