"""How large the variables of a run are, counted as they are written (runtime 5). Pure."""

from collections.abc import Mapping

from orchestration.runtime.outcomes import Json
from orchestration.runtime.records import to_json

Encoded = Mapping[str, str]
"""Variables as they are stored: name and value as JSON."""
Sizes = Mapping[str, int]
"""How long each variable is as JSON, in characters."""


class StateSize:
    """The size of the variables that a region sees: those `around` it, and on top of them its own `changes`."""

    def __init__(self, around: Sizes, changes: Mapping[str, Json]) -> None:
        self._sizes = {**around, **{to_json(name): len(to_json(value)) for name, value in changes.items()}}
        self._total = sum(self._sizes.values())

    def sizes_with(self, encoded: Encoded) -> dict[str, int]:
        """The size of each variable if these were set too."""
        return {**self._sizes, **{name: len(value) for name, value in encoded.items()}}

    def with_(self, encoded: Encoded) -> int:
        """The whole size if these were set too."""
        return self._total + sum(len(value) - self._sizes.get(name, 0) for name, value in encoded.items())

    def set(self, encoded: Encoded) -> None:
        """Count what a visit has set."""
        self._total = self.with_(encoded)
        self._sizes.update({name: len(value) for name, value in encoded.items()})
