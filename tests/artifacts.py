"""Artifacts for tests: a file in the storage and its row, without a step that made it."""

import hashlib

from langorch.lib import clock, ids
from orchestration.artifacts import detection, storage
from orchestration.artifacts.acceptance import OURS
from orchestration.models import Artifact, Run


def stored_artifact(run: Run, name: str, content: bytes, **fields: str) -> Artifact:
    """A stored file of a run."""
    artifact_id, safe = ids.uuid7(), detection.safe_name(name)
    return Artifact.system.create(
        **{
            "id": artifact_id,
            "tenant": run.tenant,
            "run": run,
            "kind": "file",
            "name": name,
            "uri": f"{OURS}{artifact_id}/{safe}",
            "file": storage.save(storage.place(run.tenant_id, run.pk, artifact_id, safe), content),
            "mime_type": detection.mime_type(content, name),
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "created_at": clock.now(),
        }
        | fields
    )
