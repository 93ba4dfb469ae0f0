"""Compiling: text to tree, to canonical form, to checked and bound document, with all problems at once (CKP 5)."""

import json
from dataclasses import dataclass, field
from typing import Any

from procedures.ckp.bind import REFUSING, bind
from procedures.ckp.checks import validate
from procedures.ckp.checks.subject import Subject
from procedures.ckp.dialects import Normal, normalise
from procedures.ckp.document.root import Document
from procedures.ckp.notes import without_notes
from procedures.ckp.parse import MOST_BYTES, Parsed, parse
from procedures.ckp.placing import place
from procedures.ckp.problems import Problem
from procedures.ckp.records import MOST_NODES, DocumentReader
from procedures.ckp.registry import NOTHING_REGISTERED, Registry
from procedures.ckp.report import Path, Report, pointer_of
from procedures.ckp.values import canonical_hash

UNHASHED = frozenset({"status", "release", "tests"})
"""Root fields that may change while the document stays the same."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling gave.

    `document`, and the hash, are there when nothing is an error. `draft` holds whatever could be read, for drawing.
    `canonical` is the canonical form of what could be read, notes included; None when the text is not a document.
    """

    problems: tuple[Problem, ...]
    source_hash: str
    canonical: dict[str, Any] | None = None
    draft: Document | None = None
    document_hash: str | None = None
    origins: dict[Path, Path] = field(default_factory=dict, repr=False, compare=False)
    """Where parts of the canonical form stood in the text, when elsewhere."""

    def pointer(self, path: Path) -> str:
        """The JSON pointer into the imported text of a place in the canonical form."""
        return pointer_of(Normal(self.canonical or {}, self.origins).source(path))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the document from being stored."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def ok(self) -> bool:
        """Whether there is a document without errors."""
        return self.draft is not None and not self.errors

    @property
    def document(self) -> Document | None:
        """The document, when nothing is an error."""
        return self.draft if self.ok else None


def compile_document(
    source: str | bytes | dict[str, Any],
    registry: Registry = NOTHING_REGISTERED,
    *,
    prod: bool = False,
    most_bytes: int = MOST_BYTES,
    most_nodes: int = MOST_NODES,
) -> Compiled:
    """Compiles a document. `prod` makes errors of the warnings that channel prod does not allow.

    A dict is read as the JSON text it makes; lines and columns are then those of its indented text.
    """
    parsed = parse(source, most_bytes=most_bytes)
    if parsed.tree is None:
        return Compiled(parsed.problems, parsed.source_hash)
    report = Report()
    normal = normalise(parsed.tree, report, registry, parsed.text)
    reader = DocumentReader(report, most_nodes)
    return _checked(parsed, normal, reader, registry, prod=prod, indented=isinstance(source, dict))


def _checked(
    parsed: Parsed, normal: Normal, reader: DocumentReader, registry: Registry, *, prod: bool, indented: bool
) -> Compiled:
    canonical = reader.document(normal.tree)
    document = load_document(canonical)
    unread, lost_names = frozenset(reader.unread_nodes), frozenset(reader.lost_names)
    subject = Subject(canonical, document, reader.report, unread, registry, lost_names)
    validate(subject)
    bind(subject)
    problems = place(reader.report, normal, parsed.text, prod=prod, indented=indented)
    failed = any(problem.severity == "error" for problem in problems)
    digest = None if failed else document_hash(canonical)
    return Compiled(problems, parsed.source_hash, canonical, document, digest, normal.origins)


def load_document(canonical: dict[str, Any]) -> Document:
    """Models from a canonical form that was compiled before; nothing is checked again."""
    return Document.model_validate(without_notes(canonical))


def bind_again(canonical: dict[str, Any], document: Document, registry: Registry) -> tuple[Problem, ...]:
    """The errors that what is registered now makes of a document compiled before; placed in its canonical form."""
    report = Report()
    bind(Subject(canonical, document, report, registry=registry), REFUSING)
    if not report.refused:
        return ()
    problems = place(report, Normal(canonical, {}), json.dumps(canonical, indent=2), prod=False)
    return tuple(problem for problem in problems if problem.severity == "error")


def document_hash(canonical: dict[str, Any]) -> str:
    """Identity of a document: notes, status, release and tests do not count."""
    plain = without_notes(canonical)
    return canonical_hash({key: value for key, value in plain.items() if key not in UNHASHED})
