"""What the compiler asks about the world outside a document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from procedures.ckp.document.root import Document


@dataclass(frozen=True, slots=True)
class Capability:
    """What an agent or tool says of one action. `parameters` is None when nothing is declared."""

    name: str
    kind: str = "tool"
    version: str | None = None
    side_effect: str | None = None
    keeps_keys: bool = False
    parameters: frozenset[str] | None = None
    binding: str = "agent_http"
    ref: str = ""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model. Prices in USD per 1,000 tokens; None without a price."""

    name: str
    prompt_per_1k: float | None = None
    completion_per_1k: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Values that a model profile gives to nodes that leave them out."""

    name: str
    model: str
    fallback_models: tuple[str, ...] = ()
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ChildVersion:
    """One version of a procedure as a pin sees it. `current_in` are the channels where it is current."""

    version: str
    status: str
    current_in: frozenset[str] = field(default_factory=frozenset)
    released_in: frozenset[str] = field(default_factory=frozenset)


class Registry(Protocol):
    """Answers about what is registered now. Implementations read; they never change anything.

    None means "not known here": the check that asked is left out.
    """

    channel: str
    """The channel the document is bound for: dev, qa or prod."""

    def capabilities(self, agent: str, action: str, pool: str | None) -> Sequence[Capability] | None:
        """Who offers an action on a channel or agent (lower case), one entry per agent or tool."""

    def versions(self, procedure_id: str) -> Sequence[ChildVersion] | None:
        """The versions of a procedure; empty when it does not exist."""

    def document(self, procedure_id: str, version: str) -> Document | None:
        """The document of one version."""

    def has_secret(self, config: Any, alias: str) -> bool | None:
        """Whether the provider of a `SecretsConfig` knows an alias."""

    def has_person(self, kind: str, name: str) -> bool | None:
        """Whether a user, group or role (`kind`) exists."""

    def members(self, kind: str, name: str) -> frozenset[str] | None:
        """User names in a group or role, or a user alone."""

    def has_calendar(self, name: str) -> bool | None:
        """Whether a business calendar exists."""

    def has_channel(self, name: str) -> bool | None:
        """Whether a notice channel exists."""

    def profiles(self) -> Mapping[str, Profile] | None:
        """Model profiles by name; `default` is the one for nodes that name none."""

    def task_classes(self) -> Mapping[str, str] | None:
        """The profile that the project maps to each task class."""

    def models(self) -> Mapping[str, ModelFacts] | None:
        """Models by name."""

    def has_prompt(self, name: str, version: str | None) -> bool | None:
        """Whether a prompt asset exists."""

    def allowed_actions(self) -> Sequence[str] | None:
        """The project's list of allowed actions; None allows all."""

    def allows_url(self, url: str) -> bool | None:
        """Whether the tenant allows a storage URL as source of an attachment."""


class NothingRegistered:
    """Knows nothing: checks that need an answer are left out. A base for registries that answer some questions."""

    channel = "dev"

    def capabilities(self, agent: str, action: str, pool: str | None) -> Sequence[Capability] | None:
        return None

    def versions(self, procedure_id: str) -> Sequence[ChildVersion] | None:
        return None

    def document(self, procedure_id: str, version: str) -> Document | None:
        return None

    def has_secret(self, config: Any, alias: str) -> bool | None:
        return None

    def has_person(self, kind: str, name: str) -> bool | None:
        return None

    def members(self, kind: str, name: str) -> frozenset[str] | None:
        return None

    def has_calendar(self, name: str) -> bool | None:
        return None

    def has_channel(self, name: str) -> bool | None:
        return None

    def profiles(self) -> Mapping[str, Profile] | None:
        return None

    def task_classes(self) -> Mapping[str, str] | None:
        return None

    def models(self) -> Mapping[str, ModelFacts] | None:
        return None

    def has_prompt(self, name: str, version: str | None) -> bool | None:
        return None

    def allowed_actions(self) -> Sequence[str] | None:
        return None

    def allows_url(self, url: str) -> bool | None:
        return None


NOTHING_REGISTERED: Registry = NothingRegistered()
