"""Artifacts on behalf of somebody: who may download one, and what a page shows of it (runtime 19, api 5)."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from approvals import selectors as approvals
from langorch.lib.errors import Denied, NotFound, Refusal
from orchestration.artifacts import storage
from orchestration.artifacts.acceptance import OURS
from orchestration.choices import Classification
from orchestration.models import Artifact, Run
from tenants import audit
from tenants.actor import Actor

T = TypeVar("T")
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_READ: Final = 32 * 1024 * 1024
"""Bytes of a file that are given to a step; operations have lower limits of their own."""
MOST_SHOWN: Final = 64 * 1024
"""Bytes of a text that a page shows."""
TEXTS: Final = frozenset(
    {"text/plain", "text/csv", "text/tab-separated-values", "text/markdown", "application/json", "application/x-ndjson"}
)
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
NEEDED: Final = {
    Classification.PUBLIC: "view",
    Classification.INTERNAL: "view",
    Classification.CONFIDENTIAL: "runs.operate",
    Classification.RESTRICTED: "runs.view_sensitive",
}
"""The permission on the run that a download needs."""


class Gone(Refusal):
    """The row is there, its file is not."""

    status, code = 410, "gone"


class StorageUnavailable(Refusal):
    """The storage cannot be reached now."""

    status, code = 503, "storage_unavailable"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a page shows of an artifact.

    text: `text`, cut or not. image: at `url`. link: `url` leads elsewhere. download, denied, gone: nothing, and `why`.
    """

    artifact: Artifact
    kind: str
    url: str = ""
    text: str = ""
    cut: bool = False
    why: str = ""


def of_run(run: Run) -> QuerySet[Artifact]:
    """The artifacts of a run that somebody may see, oldest first; what they say of themselves is for everybody."""
    return Artifact.system.filter(run=run).order_by("created_at", "id")


def at(actor: Actor, path: str) -> Artifact:
    """The artifact that is downloaded at a path below /api/artifacts/. Raises `NotFound`."""
    try:
        artifact_id = UUID(path.partition("/")[0])
    except ValueError:
        raise _unknown() from None
    wanted = Artifact.system.filter(tenant_id=actor.tenant_id, pk=artifact_id, uri=OURS + path).select_related("run")
    found = wanted.first()
    if found is None or not (_visible(actor, found) or approvals.shows(actor, found.run_id, found.pk)):
        raise _unknown()
    return found


def _visible(actor: Actor, artifact: Artifact) -> bool:
    return Artifact.objects.visible_to(actor).filter(pk=artifact.pk).exists()


def why_not(actor: Actor, artifact: Artifact) -> str | None:
    """Why `actor` may not download an artifact, or None; who is shown it as evidence needs no permission to view."""
    permission = NEEDED[Classification(artifact.classification)]
    if actor.may(permission, artifact.run):
        return None
    if permission == "view" and approvals.shows(actor, artifact.run_id, artifact.pk):
        return None
    return f"This artifact is {artifact.classification}; you need the permission {permission} to read it."


def download(actor: Actor, artifact: Artifact) -> BinaryIO:
    """The open file. Raises `Denied` (classification_denied), `Gone`, `StorageUnavailable`."""
    refusal = why_not(actor, artifact)
    if refusal is not None:
        permission = NEEDED[Classification(artifact.classification)]
        raise Denied(permission, code="classification_denied", detail=refusal)
    file = _from_storage(artifact, storage.read)
    if artifact.classification == Classification.RESTRICTED:
        text = f"Restricted artifact {artifact.name} of {artifact.run} read"
        resource = ("artifact", artifact.pk)
        audit.record(actor, "artifact.read", text, resource=resource, project_id=artifact.run.project_id)
    return file


def named_by(value: Any) -> str | None:
    """The id or address of an artifact that a value names, or None; a result with one artifact names that."""
    if isinstance(value, dict):
        for key in ("artifact", "screenshot"):
            if value.get(key):
                return named_by(value[key])
        if isinstance(several := value.get("artifacts"), list) and len(several) == 1:
            return named_by(several[0])
    named = value.get("artifact_id") or value.get("uri") if isinstance(value, dict) else value
    return named if isinstance(named, str) and (named.startswith(OURS) or _ID.fullmatch(named)) else None


def content_of(run_id: UUID, name: str) -> bytes | None:
    """The bytes of a stored artifact of a run by its id or address; None when there is none.

    Raises `Gone`, `StorageUnavailable`.
    """
    wanted = {"uri": name} if name.startswith(OURS) else {"pk": name}
    found = Artifact.system.filter(run_id=run_id, **wanted).exclude(file="").first()
    if found is None:
        return None
    return _from_storage(found, lambda file: storage.head(file, MOST_READ))


def previews(actor: Actor, artifacts: Iterable[Artifact]) -> list[Preview]:
    """What a page shows of each of several artifacts, which were read with their run."""
    return [preview(actor, artifact) for artifact in artifacts]


def evidence(actor: Actor, run_id: UUID, ids: Sequence[str]) -> list[Preview]:
    """What a page shows of the artifacts of a run with these ids, in this order; unknown ones are left out."""
    known = [name for name in ids if _ID.fullmatch(name)]
    found = {str(row.pk): row for row in Artifact.system.filter(run_id=run_id, pk__in=known).select_related("run")}
    return previews(actor, (found[name] for name in dict.fromkeys(known) if name in found))


def preview(actor: Actor, artifact: Artifact) -> Preview:
    """What a page shows of an artifact. Text is for escaping; HTML and SVG are never shown, only downloaded."""
    if not artifact.file:
        return Preview(artifact, "link", artifact.uri if artifact.uri.startswith(("http://", "https://")) else "")
    if refusal := why_not(actor, artifact):
        return Preview(artifact, "denied", why=refusal)
    if artifact.mime_type in IMAGES:
        return Preview(artifact, "image", artifact.uri)
    if artifact.mime_type not in TEXTS:
        why = "Files of this kind are not shown here, only downloaded."
        return Preview(artifact, "download", artifact.uri, why=why)
    if artifact.classification == Classification.RESTRICTED:
        why = "Restricted files are only downloaded, and each download is audited."
        return Preview(artifact, "download", artifact.uri, why=why)
    try:
        content = _from_storage(artifact, lambda file: storage.head(file, MOST_SHOWN + 1))
    except (Gone, StorageUnavailable) as fault:
        return Preview(artifact, "gone", why=fault.detail)
    text = content[:MOST_SHOWN].decode("utf-8-sig", errors="ignore" if len(content) > MOST_SHOWN else "replace")
    return Preview(artifact, "text", artifact.uri, _laid_out(artifact, text), cut=len(content) > MOST_SHOWN)


def _laid_out(artifact: Artifact, text: str) -> str:
    if artifact.mime_type != "application/json":
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _from_storage(artifact: Artifact, read: Callable[[str], T]) -> T:
    if not artifact.file:
        raise _unknown()
    try:
        return read(artifact.file)
    except FileNotFoundError:
        raise Gone("The file is no longer there.") from None
    except storage.StorageFault:
        raise StorageUnavailable("The storage of artifacts does not answer; try again later.") from None


def _unknown() -> NotFound:
    return NotFound("There is no such artifact, or it is not yours to see.")
