"""Calling procedures of other projects: who publishes the caller must be an operator there (CKP 2.11)."""

from langorch.lib.errors import Denied
from procedures.ckp.document import Document, SubflowNode
from procedures.models import Procedure
from tenants.actor import Actor
from tenants.models import Project


def require_callable(actor: Actor, project: Project | None, document: Document) -> None:
    """Raise `Denied` when the document runs a procedure of another project, and `actor` may not start runs there."""
    called = {node.procedure_id for node in document.nodes.values() if isinstance(node, SubflowNode)}
    found = Procedure.system.filter(tenant_id=actor.tenant_id, procedure_id__in=called, project__isnull=False)
    for procedure in found.exclude(project=project).select_related("project").order_by("procedure_id"):
        require_startable(actor, procedure)


def require_startable(actor: Actor, procedure: Procedure) -> None:
    """Raise `Denied` unless `actor` may start runs where a called procedure belongs."""
    if not actor.may("runs.start", procedure):
        detail = (
            f"It runs {procedure.procedure_id} of the project {procedure.project}; only an operator there may do so."
        )
        raise Denied("runs.start", detail=detail)


def obstacle(actor: Actor, project: Project | None, document: Document) -> str | None:
    """Why `require_callable` does not let the document pass, as the rest of a sentence; None when it does."""
    try:
        require_callable(actor, project, document)
    except Denied as denied:
        return denied.detail[0].lower() + denied.detail[1:].rstrip(".")
    return None
