"""Compiling a text for storing: what has errors is refused with all of its problems."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from langorch.lib.errors import Conflict, Invalid, Place
from procedures.ckp.compile import Compiled, bind_again, compile_document
from procedures.ckp.document import Document
from procedures.ckp.problems import Problem
from procedures.models import ProcedureVersion
from procedures.registry import TenantRegistry
from procedures.remarks import remark
from tenants.models import Project

SEVERITIES = ("error", "warning", "info")


class Checked(NamedTuple):
    """A document without errors, with the text it was read from."""

    text: str
    source_hash: str
    document: Document
    document_hash: str
    canonical: dict[str, Any]
    problems: tuple[Problem, ...]


def check(text: str | bytes, tenant_id: UUID, project: Project | None, channel: str = "dev") -> Checked:
    """Compile `text` against what the tenant has now.

    Raises `Invalid`: invalid_document when it is no document at all, compile_failed when it has errors.
    """
    compiled = compile_for(text, tenant_id, project, channel)
    if not compiled.ok or compiled.document is None or compiled.canonical is None or compiled.document_hash is None:
        raise refused(compiled.problems, "compile_failed" if compiled.canonical else "invalid_document")
    plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
    return Checked(
        plain,
        compiled.source_hash,
        compiled.document,
        compiled.document_hash,
        compiled.canonical,
        compiled.problems,
    )


def compile_for(text: str | bytes, tenant_id: UUID, project: Project | None, channel: str = "dev") -> Compiled:
    """Compile `text` against what the tenant has now, errors and all."""
    registry = TenantRegistry(tenant_id, project, channel)
    most_bytes: int = settings.ENV.MAX_DOCUMENT_BYTES
    return compile_document(text, registry, prod=channel == "prod", most_bytes=most_bytes)


def refused(problems: Sequence[Problem], code: str = "compile_failed", before: str = "") -> Invalid:
    """The refusal of a document for its errors; `before` stands in front of their messages."""
    errors = [problem for problem in problems if problem.severity == "error"]
    detail = before + "; ".join(problem.message for problem in errors)
    extra = {"problems": [problem.as_dict() for problem in problems]}
    return Invalid(detail, code=code, places=[_place(problem) for problem in errors], extra=extra)


def require_bound(version: ProcedureVersion, document: Document, project: Project | None, channel: str) -> None:
    """Raise `Conflict` (procedure_not_runnable) when what is registered now makes an error of the document (CKP 5)."""
    registry = TenantRegistry(version.tenant_id, project, channel)
    errors = bind_again(version.document.canonical, document, registry)
    if errors:
        detail = f"Version {version.version} cannot run now: " + "; ".join(problem.message for problem in errors)
        extra = {"problems": [problem.as_dict() for problem in errors]}
        places = [_place(problem) for problem in errors]
        raise Conflict(detail, code="procedure_not_runnable", places=places, extra=extra)


def _place(problem: Problem) -> Place:
    return Place(
        problem.message,
        code=problem.code,
        pointer=problem.pointer,
        node_id=problem.node_id,
        step_id=problem.step_id,
        hint=problem.hint,
    )


def address_problems(version: ProcedureVersion, text: str, document: Document) -> list[Problem]:
    """CKP104 where a document does not say the id and version of the version it is meant for."""
    stored = {"/procedure_id": version.procedure.procedure_id, "/version": version.version}
    given = {"/procedure_id": document.procedure_id, "/version": document.version}
    return [
        remark(text, "CKP104", pointer, f"The document says {given[pointer]}, the address says {name}.")
        for pointer, name in stored.items()
        if given[pointer] != name
    ]


def counts(problems: Sequence[Problem]) -> dict[str, int]:
    """How many problems there are of each severity."""
    found: Counter[str] = Counter(problem.severity for problem in problems)
    return {severity: found[severity] for severity in SEVERITIES}
