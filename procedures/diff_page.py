"""What the page "Versions" shows: the versions of a procedure, and what changed between two of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from langorch.lib.errors import NotFound
from procedures import analysis, selectors
from procedures.ckp.problems import Severity
from procedures.models import ProcedureVersion
from procedures.worst_case import DIMENSIONS, most_in_words
from tenants.actor import Actor

MOST_VERSIONS: Final = 100
MOST_CHANGES: Final = 300
MOST_LINES: Final = 1_000
_HUNK: Final = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_TONES: Final = {"+": "ok", "-": "bad", " ": ""}
_BUMPS: Final = {
    "major": "Something callers rely on is gone or newly required: a new major version.",
    "minor": "Something was added, nothing breaks: a new minor version.",
    "patch": "Nothing that callers see was added or breaks: a new patch version.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the text diff. `number` counts in the newer text, of a removed line in the older; a fold has 0."""

    number: int
    sign: str
    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Change:
    sentence: str
    kind: str
    path: str
    breaking: bool

    @property
    def severity(self) -> Severity:
        """How it is marked: what breaks callers as an error, the rest as a note."""
        return "error" if self.breaking else "info"


@dataclass(frozen=True, slots=True)
class Difference:
    """Counts are of all changes. `spent` has name, bound before and after, where it moved; cost is a change itself."""

    identical: bool
    changes: Sequence[Change]
    total: int
    breaking: int
    advice: str
    spent: Sequence[tuple[str, str, str]]
    lines: Sequence[Line]
    more_lines: int

    @property
    def more_changes(self) -> int:
        """How many changes are not among those shown."""
        return self.total - len(self.changes)


@dataclass(frozen=True, slots=True)
class DiffPage:
    """`before` is None when there is nothing older to compare with."""

    versions: Sequence[ProcedureVersion]
    after: ProcedureVersion
    before: ProcedureVersion | None
    difference: Difference | None


def of(actor: Actor, procedure_id: str, older: str, newer: str) -> DiffPage:
    """Two versions compared; without names the newest, and the one before it. Raises `NotFound`."""
    versions = list(selectors.versions_of(actor, procedure_id)[:MOST_VERSIONS])
    if not versions:
        raise NotFound(f"All versions of {procedure_id} were deleted.", code="procedure_not_found")
    newer = newer or versions[0].version
    older = older or _previous(versions, newer)
    after, before = _with_documents(actor, procedure_id, newer, older)
    found = difference(analysis.difference(before, after)) if before else None
    return DiffPage(versions, after, before, found)


def difference(found: Mapping[str, Any]) -> Difference:
    """What `procedures.ckp.diff` found, for the page: breaking changes first."""
    changes = sorted(map(_change, found["semantic"]), key=lambda change: not change.breaking)
    text = list(lines(found["text"]))
    spent = [(name, *_both(key, found["bounds"])) for key, name in DIMENSIONS.items() if key != "cost_usd"]
    return Difference(
        identical=found["identical"],
        changes=changes[:MOST_CHANGES],
        total=len(changes),
        breaking=sum(change.breaking for change in changes),
        advice=_BUMPS.get(found["suggested_bump"] or "", ""),
        spent=[(name, old, new) for name, old, new in spent if old != new],
        lines=text[:MOST_LINES],
        more_lines=max(len(text) - MOST_LINES, 0),
    )


def lines(unified: str) -> Iterator[Line]:
    """The lines of a unified diff with their numbers; a fold stands between two parts of it."""
    old = new = 0
    for text in unified.splitlines()[2:]:
        hunk = _HUNK.match(text)
        if hunk:
            if old:
                yield Line(0, "", "⋯", "")
            old, new = int(hunk[1]), int(hunk[2])
            continue
        sign = text[0]
        yield Line(old if sign == "-" else new, sign, text[1:], _TONES[sign])
        old, new = old + (sign != "+"), new + (sign != "-")


def _previous(versions: Sequence[ProcedureVersion], newer: str) -> str:
    """The version before `newer`; empty when there is none."""
    names = [one.version for one in versions]
    return next(iter(names[names.index(newer) + 1 :]), "") if newer in names else ""


def _with_documents(
    actor: Actor, procedure_id: str, newer: str, older: str
) -> tuple[ProcedureVersion, ProcedureVersion | None]:
    found = ProcedureVersion.objects.visible_to(actor).filter(procedure__procedure_id=procedure_id)
    found = found.filter(version__in=[newer, older]).select_related("procedure", "document")
    by_name = {one.version: one for one in found}
    for name in (newer, older):
        if name and name not in by_name:
            raise NotFound(f"There is no version {name} of a procedure {procedure_id}.", code="procedure_not_found")
    return by_name[newer], by_name.get(older)


def _change(change: Mapping[str, Any]) -> Change:
    return Change(change["sentence"], change["kind"], change["path"], change["breaking"])


def _both(key: str, spent: Mapping[str, Any]) -> tuple[str, str]:
    return most_in_words(key, spent["before"][key]), most_in_words(key, spent["after"][key])
