"""Names of nodes in lists of runs: the database reads one short text out of each run's document."""

from typing import Any

from django.db.models import CharField, F, Func, QuerySet, Value

from orchestration.models import Run
from procedures.graph import words


class LastDescription(Func):
    """The description of the node a run reached last; null without one."""

    function = "jsonb_extract_path_text"
    output_field = CharField(null=True)

    def __init__(self, *path: Any, **more: Any) -> None:
        keys = (Value("workflow_graph"), Value("nodes"), F("last_node_id"), Value("description"))
        super().__init__(*(path or (F("document__canonical"), *keys)), **more)

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> tuple[str, Any]:
        canonical, _, _, node_id, _ = self.get_source_expressions()
        document, its_parameters = compiler.compile(canonical)
        node, parameters = compiler.compile(node_id)
        path = f"""'$."workflow_graph"."nodes"."' || {node} || '"."description"'"""
        return f"JSON_EXTRACT({document}, {path})", (*its_parameters, *parameters)


def with_names(runs: QuerySet[Run]) -> QuerySet[Run]:
    """`runs` with what `name_of` needs."""
    return runs.annotate(last_description=LastDescription())


def name_of(run: Run, node_id: str) -> str:
    """The name of a node of a run that was read `with_names`; other nodes than the last are named by their id."""
    described = getattr(run, "last_description", None) if node_id == run.last_node_id else None
    return words.name(node_id, described)
