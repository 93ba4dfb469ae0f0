"""What a case of the catalogue is, and what a document must say for it to hold."""

from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any

from procedures.ckp.problems import Severity
from procedures.ckp.registry import NOTHING_REGISTERED, Registry

Source = str | bytes | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One boundary of a check: the smallest document beyond it, and the nearest one on this side of it.

    `beside` are the codes that the first document cannot do without, `left` those that the second one keeps.
    """

    severity: Severity
    in_prod: Severity
    code: str
    what: str
    pointer: str
    beyond: Source
    within: Source
    _: KW_ONLY
    registry: Registry = NOTHING_REGISTERED
    hint: str | None = None
    beside: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


error = partial(Case, "error", "error")
warning = partial(Case, "warning", "warning")
info = partial(Case, "info", "info")
blocker = partial(Case, "warning", "error")
"""A warning that channel prod does not allow."""
