"""A registry that answers from what a test gives it."""

from typing import Any

from procedures.ckp.document import Document
from procedures.ckp.registry import Capability, ChildVersion, ModelFacts, NothingRegistered, Profile
from tests.unit.ckp.compiling import compiled


class Registered(NothingRegistered):
    """Knows what it is given; what is left out is not known."""

    def __init__(self, channel: str = "dev", **known: Any) -> None:
        self.channel = channel
        self.known = known
        self.documents: dict[tuple[str, str], Document] = {}
        self.listed: dict[str, list[ChildVersion]] = {}

    def add(self, source: dict[str, Any], status: str = "active", **places: frozenset[str]) -> "Registered":
        """Adds a version of a procedure, unread by other registries."""
        draft = compiled(source).draft
        assert draft is not None
        self.documents[draft.procedure_id, draft.version] = draft
        entry = ChildVersion(draft.version, status, **places)
        self.listed.setdefault(draft.procedure_id, []).append(entry)
        return self

    def capabilities(self, agent: str, action: str, pool: str | None) -> list[Capability] | None:
        offers = self.known.get("offers")
        return None if offers is None else offers.get((agent, action), [])

    def versions(self, procedure_id: str) -> list[ChildVersion]:
        return self.listed.get(procedure_id, [])

    def document(self, procedure_id: str, version: str) -> Document | None:
        return self.documents.get((procedure_id, version))

    def has_secret(self, config: Any, alias: str) -> bool | None:
        return self._has("secrets", alias)

    def has_person(self, kind: str, name: str) -> bool | None:
        return self._has("people", f"{kind}:{name}")

    def members(self, kind: str, name: str) -> frozenset[str] | None:
        members = self.known.get("members")
        return None if members is None else members.get(f"{kind}:{name}", frozenset())

    def has_calendar(self, name: str) -> bool | None:
        return self._has("calendars", name)

    def has_channel(self, name: str) -> bool | None:
        return self._has("channels", name)

    def profiles(self) -> dict[str, Profile] | None:
        return self.known.get("profiles")

    def task_classes(self) -> dict[str, str] | None:
        return self.known.get("task_classes")

    def models(self) -> dict[str, ModelFacts] | None:
        return self.known.get("models")

    def has_prompt(self, name: str, version: str | None) -> bool | None:
        return self._has("prompts", (name, version))

    def allowed_actions(self) -> list[str] | None:
        return self.known.get("allowed_actions")

    def allows_url(self, url: str) -> bool | None:
        return self._has("urls", url)

    def _has(self, kind: str, name: Any) -> bool | None:
        return name in self.known[kind] if kind in self.known else None


def offering(action: str, agent: str = "web", **facts: Any) -> Registered:
    """A registry in which one agent offers one action."""
    return Registered(offers={(agent, action): [Capability(action, **facts)]})
