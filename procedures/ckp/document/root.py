"""The document as a whole (CKP 1)."""

from typing import Annotated, Any, ClassVar

from procedures.ckp.document.base import Shape
from procedures.ckp.document.config import GlobalConfig
from procedures.ckp.document.nodes import NODE_KEYS, Node
from procedures.ckp.document.triggers import Trigger
from procedures.ckp.document.variables import VariableMeta
from procedures.ckp.kinds import (
    REQUIRED,
    VARIABLES,
    Choice,
    Day,
    Entries,
    Items,
    Record,
    Target,
    Text,
    Whole,
    opaque,
    texts,
)

Variables = Annotated[dict[str, VariableMeta], Entries(of=Record(model="VariableMeta"), keys=VARIABLES, writes=True)]


class WorkflowGraph(Shape):
    """Nodes by id, and the one where runs begin."""

    start_node: Annotated[str, Target(), REQUIRED] = ""
    nodes: Annotated[dict[str, Node], Entries(of=Record(model="Node"), keys=NODE_KEYS), REQUIRED] = {}


class Source(Shape):
    """A text that the procedure was made from."""

    doc_id: Annotated[str | None, Text()] = None
    version: Annotated[str | None, Text()] = None
    section_ref: Annotated[str | None, Text()] = None


class Provenance(Shape):
    """Where the procedure comes from; stored, shown, part of the hash."""

    OPEN: ClassVar[bool] = True

    compiled_on: Annotated[str | None, Text()] = None
    compiler_agent_version: Annotated[str | None, Text()] = None
    human_reviewer: Annotated[str | None, Text()] = None
    sources: Annotated[list[Source], Items(of=Record(model="Source"))] = []


class RetrievalMetadata(Shape):
    """What search and list filters find the procedure by."""

    OPEN: ClassVar[bool] = True

    tags: Annotated[list[str], texts()] = []
    domain: Annotated[str | None, Text()] = None
    intents: Annotated[list[str], texts()] = []
    negative_intents: Annotated[list[str], texts()] = []
    keywords: Annotated[list[str], texts()] = []
    applicability: Annotated[Any, opaque()] = None


class Release(Shape):
    """Written by promotion."""

    channel: Annotated[str | None, Choice(values=("dev", "qa", "prod"))] = None
    promoted_from_version: Annotated[str | None, Text()] = None
    promoted_by: Annotated[str | None, Text()] = None
    promoted_at: Annotated[str | None, Text()] = None


class RequiredApprovers(Shape):
    """Reserved."""

    data_classification: Annotated[str | None, Text()] = None
    min_approvers: Annotated[int | None, Whole(low=1)] = None


class Compliance(Shape):
    """Reserved: stored and shown, not enforced."""

    classification: Annotated[str | None, Text()] = None
    frameworks: Annotated[list[str], texts()] = []
    prohibitions: Annotated[list[Any], Items()] = []
    required_approvers: Annotated[RequiredApprovers | None, Record(model="RequiredApprovers")] = None
    audit_exports: Annotated[Any, opaque()] = None
    residency: Annotated[Any, opaque()] = None


class Document(Shape):
    """One version of one procedure in canonical form."""

    procedure_id: Annotated[str, Text(), REQUIRED] = ""
    version: Annotated[str, Text(), REQUIRED] = ""
    ckp: Annotated[str, Text()] = "1"
    name: Annotated[str | None, Text()] = None
    description: Annotated[str | None, Text()] = None
    status: Annotated[str, Choice(values=("draft", "active", "deprecated", "archived"))] = "draft"
    effective_date: Annotated[str | None, Day()] = None
    global_config: Annotated[GlobalConfig, Record(model="GlobalConfig")] = GlobalConfig()
    variables_schema: Variables = {}
    outputs_schema: Annotated[
        dict[str, VariableMeta] | None, Entries(of=Record(model="VariableMeta"), keys=VARIABLES)
    ] = None
    workflow_graph: Annotated[WorkflowGraph, Record(model="WorkflowGraph"), REQUIRED] = WorkflowGraph()
    trigger: Annotated[Trigger | None, Record(model="Trigger")] = None
    triggers: Annotated[list[Trigger], Items(of=Record(model="Trigger"))] = []
    provenance: Annotated[Provenance | None, Record(model="Provenance")] = None
    retrieval_metadata: Annotated[RetrievalMetadata | None, Record(model="RetrievalMetadata")] = None
    release: Annotated[Release | None, Record(model="Release")] = None
    compliance: Annotated[Compliance | None, Record(model="Compliance")] = None
    tests: Annotated[list[Any], Items()] = []

    @property
    def nodes(self) -> dict[str, Node]:
        """Nodes by id, in document order."""
        return self.workflow_graph.nodes

    @property
    def start_node(self) -> str:
        """The node where runs begin."""
        return self.workflow_graph.start_node

    @property
    def title(self) -> str:
        """The name, else the id."""
        return self.name or self.procedure_id

    @property
    def all_triggers(self) -> list[Trigger]:
        """`trigger`, then `triggers`."""
        return ([self.trigger] if self.trigger else []) + self.triggers
