"""Analyses of versions for people: they read, and change nothing (CKP 6)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from langorch.lib import clock
from procedures.ckp.compile import compile_document
from procedures.ckp.diff import diff
from procedures.ckp.explain import explain
from procedures.limits import system_limits
from procedures.models import ProcedureVersion
from procedures.registry import TenantRegistry
from procedures.services.checking import address_problems, refused

BEFORE_ERRORS = "IR compilation failed: "


def difference(before: ProcedureVersion, after: ProcedureVersion) -> dict[str, Any]:
    """What changed between two versions of a procedure, in meaning and line by line."""
    registry = TenantRegistry(after.tenant_id, after.project)
    return diff(before.document.canonical, after.document.canonical, registry, system_limits())


def explain_version(
    version: ProcedureVersion, inputs: Mapping[str, Any] | None = None, text: str | None = None
) -> dict[str, Any]:
    """The analysis of a version, or of `text` in its place, for a start with `inputs` when they are given.

    Raises `Invalid` (compile_failed) for a text with errors, or with another id or version (CKP104).
    """
    registry = TenantRegistry(version.tenant_id, version.project)
    source = version.source if text is None else text
    compiled = compile_document(source, registry, most_bytes=settings.ENV.MAX_DOCUMENT_BYTES)
    moved = address_problems(version, source, compiled.document) if compiled.document else []
    if moved or not compiled.ok:
        raise refused([*compiled.problems, *moved], before=BEFORE_ERRORS)
    return explain(compiled, registry, inputs=inputs, now=clock.now(), limits=system_limits())
