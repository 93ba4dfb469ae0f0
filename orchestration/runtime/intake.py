"""Taking in what comes back from outside: secrets masked, artifacts stored, size checked (runtime 9, step 11)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from langorch.lib import clock, ids
from orchestration.artifacts import acceptance, detection, extraction, reading, storage
from orchestration.artifacts.acceptance import Accepted, Limits, Rejected
from orchestration.artifacts.extraction import Named
from orchestration.events import NewEvent
from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.records import ArtifactRow, moment, to_json
from orchestration.runtime.visiting import Visit

CONTENT: Final = ("content_base64", "text")
REFERENCE: Final = ("kind", "name", "uri", "mime_type", "size_bytes", "sha256", "classification")


class Call(NamedTuple):
    """The step whose answer is taken in: where it is recorded, and which attempt it is."""

    path: str
    step_id: str
    attempt: int


def take_in(visit: Visit, call: Call, result: Json, beside: Sequence[Json] = ()) -> Json:
    """The result as it is recorded and seen by the procedure, with references in place of artifacts.

    `beside` are the artifacts that the reply names beside its result. Their rows and events go out with the record of
    the step as completed. Raises `StepFailed` (artifact_store, result_too_large), `NotStorable`.
    """
    taken = _Taken(visit, call)
    reference = taken.all_of(result, beside)
    _require_size(reference)
    visit.drive.journal.hold(call.path, call.step_id, taken.rows, taken.told)
    return reference


def keep(visit: Visit, call: Call, result: Json, beside: Sequence[Json] = ()) -> Json:
    """As `take_in`, for artifacts that are kept whatever becomes of the step, such as the screenshot of a failure."""
    taken = _Taken(visit, call)
    reference = taken.all_of(result, beside)
    for row in taken.rows:
        visit.drive.journal.artifact(row)
    for event in taken.told:
        visit.drive.journal.event(event)
    return reference


def file_of(visit: Visit, value: Json) -> bytes | None:
    """The bytes of an artifact of this run that a value names; None when it names none. Raises `StepFailed`."""
    name = reading.named_by(value)
    if name is None:
        return None
    visit.drive.journal.flush()
    try:
        return reading.content_of(visit.drive.run.pk, name)
    except (reading.Gone, reading.StorageUnavailable) as fault:
        raise StepFailed(Error("artifact_store", fault.detail)) from None


class _Taken:
    """The artifacts of one answer: files stored, rows and events ready."""

    def __init__(self, visit: Visit, call: Call) -> None:
        self.rows: list[ArtifactRow] = []
        self.told: list[NewEvent] = []
        self._visit = visit
        self._call = call

    def all_of(self, result: Json, beside: Sequence[Json]) -> Json:
        without = self._visit.drive.secrets.without
        found = extraction.named_in(result, beside)
        if not found:
            return without(result)
        with self._visit.drive.crowd.baton.aside():
            references = {named.place: self._reference(named) for named in found}
        told = {place: reference for place, reference in references.items() if place and reference is not None}
        return without(extraction.with_references(result, told))

    def _reference(self, named: Named) -> Json:
        """What stands in the result afterwards; None leaves it as it is."""
        limits = _limits()
        if named.quiet and not acceptance.is_link(str(named.said["uri"]), limits):
            return None
        try:
            accepted = self._without_secrets(acceptance.accept(named.said, limits))
            if accepted.content is not None and not self._visit.drive.room.take(accepted.size_bytes):
                raise Rejected(f"the run holds {settings.ENV.MAX_RUN_ARTIFACT_BYTES} bytes of artifacts, and no more")
        except Rejected as rejection:
            return self._rejected(named, rejection.reason)
        row = self._row(accepted)
        self.rows.append(row)
        self._tell("artifact_created", {"artifact_id": str(UUID(row.id))} | _fields(row))
        return _entry(named, row) if named.whole else row.uri

    def _without_secrets(self, accepted: Accepted) -> Accepted:
        secrets = self._visit.drive.secrets
        texts = {name: secrets.without(getattr(accepted, name)) for name in ("name", "uri", "kind")}
        if accepted.content is None:
            return replace(accepted, **texts)
        content = secrets.without_in_bytes(accepted.content)
        if content is None:
            raise Rejected("the content holds a secret")
        return replace(
            accepted, **texts, content=content, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
        )

    def _rejected(self, named: Named, reason: str) -> Json:
        kind = str(named.said.get("kind") or "file")[: acceptance.LONGEST_KIND]
        told = {"reason": reason, "kind": kind, "name": str(named.said.get("name") or "")[: detection.LONGEST_TITLE]}
        self._tell("artifact_rejected", told)
        return _without_content(named.said) | {"rejected": reason} if named.whole else None

    def _row(self, accepted: Accepted) -> ArtifactRow:
        run, artifact_id = self._visit.drive.run, ids.uuid7()
        uri, file = accepted.uri, ""
        if accepted.content is not None:
            name = detection.safe_name(accepted.name)
            file = self._stored(storage.place(run.tenant_id, run.pk, artifact_id, name), accepted)
            uri = f"{acceptance.OURS}{artifact_id}/{name}"
        return ArtifactRow(
            artifact_id.hex,
            run.tenant_id.hex,
            self._call.path,
            self._call.step_id,
            self._visit.node_id,
            accepted.kind,
            accepted.name,
            uri,
            file,
            accepted.mime_type,
            accepted.size_bytes,
            accepted.sha256,
            accepted.classification,
            moment(clock.now()),
        )

    def _stored(self, place: str, accepted: Accepted) -> str:
        try:
            return storage.save(place, accepted.content or b"")
        except storage.StorageFault as fault:
            storage.remove(row.file for row in self.rows if row.file)
            self._visit.drive.room.forget()
            message = f"The artifact {accepted.name} could not be stored: {fault}."
            raise StepFailed(Error("artifact_store", message)) from None

    def _tell(self, event_type: str, payload: Mapping[str, Any]) -> None:
        call = self._call
        self.told.append(
            NewEvent(event_type, payload, self._visit.node_id, call.step_id, self._visit.path, call.attempt)
        )


def _limits() -> Limits:
    own = urlsplit(settings.SELF_BASE_URL).hostname or ""
    most = min(settings.ENV.MAX_INLINE_ARTIFACT_BYTES, settings.ENV.MAX_ARTIFACT_BYTES)
    return Limits(most, {own, *settings.ALLOWED_HOSTS})


def _fields(row: ArtifactRow) -> dict[str, Json]:
    return {name: getattr(row, name) for name in REFERENCE}


def _entry(named: Named, row: ArtifactRow) -> dict[str, Json]:
    return _without_content(named.said) | {"artifact_id": str(UUID(row.id))} | _fields(row)


def _without_content(said: Mapping[str, Json]) -> dict[str, Json]:
    kept = {name: value for name, value in said.items() if name not in CONTENT}
    if isinstance(uri := kept.get("uri"), str) and uri.startswith("data:"):
        del kept["uri"]
    return kept


def _require_size(result: Json) -> None:
    most = settings.ENV.MAX_RESULT_BYTES
    size = len(to_json(result))
    if size > most:
        raise StepFailed(Error("result_too_large", f"The result has {size} bytes; at most {most} are kept."))
