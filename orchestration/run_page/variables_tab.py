"""The tab Variables: what they are now, and who wrote them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from orchestration.run_page.subject import Subject


@dataclass(frozen=True, slots=True)
class Change:
    """One variable: its present value, and the node that wrote it last (empty for an input)."""

    name: str
    value: Any
    written_by: str


class VariablesTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def variables(self) -> list[Change]:
        """What the variables of the main region are now, and who wrote them."""
        found = {name: (value, "") for name, value in self._subject.run.input_vars.items()}
        for visit in self._subject.visits:
            found |= {name: (value, visit.node_id) for name, value in (visit.changes or {}).items()}
        shown = self._subject.redactor.redact({name: value for name, (value, _) in found.items()})
        name = self._subject.name
        return [Change(key, shown[key], name(writer) if writer else "") for key, (_, writer) in found.items()]
