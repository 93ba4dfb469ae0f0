"""What is registered in a tenant now, as the compiler asks for it. What the portal does not know it leaves open."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

from agents import selectors as agents
from agents.capabilities import Offer
from agents.llm import profiles as llm
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document
from procedures.ckp.registry import Capability, ChildVersion, ModelFacts, NothingRegistered, Profile
from procedures.models import ProcedureVersion
from tenants import selectors as people
from tenants.choices import Role
from tenants.models import Project
from tenants.secrets import SecretMissing, SecretUnavailable, provider_of


class TenantRegistry(NothingRegistered):
    """What one tenant has, for one document that is bound for `channel`; each thing is read once."""

    def __init__(self, tenant_id: UUID, project: Project | None = None, channel: str = "dev") -> None:
        self.channel = channel
        self._tenant_id = tenant_id
        self._project = project
        self._versions: dict[str, list[ChildVersion]] = {}
        self._documents: dict[tuple[str, str], Document | None] = {}
        self._offers: dict[tuple[str, str, str | None], list[Capability]] = {}

    def capabilities(self, agent: str, action: str, pool: str | None) -> Sequence[Capability] | None:
        key = (agent, action, pool)
        if key not in self._offers:
            project_id = self._project.pk if self._project else None
            found = agents.offers(self._tenant_id, project_id, *key)
            self._offers[key] = [_capability(agent.agent_id, offer) for agent, offer in found]
        return self._offers[key]

    def versions(self, procedure_id: str) -> Sequence[ChildVersion] | None:
        if procedure_id not in self._versions:
            self._versions[procedure_id] = self._read_versions(procedure_id)
        return self._versions[procedure_id]

    def _read_versions(self, procedure_id: str) -> list[ChildVersion]:
        found = ProcedureVersion.system.filter(tenant_id=self._tenant_id, procedure__procedure_id=procedure_id)
        rows = found.only("version", "status").order_by("number").prefetch_related("current_in")
        return [_child(row) for row in rows]

    def document(self, procedure_id: str, version: str) -> Document | None:
        key = (procedure_id, version)
        if key not in self._documents:
            self._documents[key] = self._read_document(*key)
        return self._documents[key]

    def _read_document(self, procedure_id: str, version: str) -> Document | None:
        found = ProcedureVersion.system.filter(tenant_id=self._tenant_id, procedure__procedure_id=procedure_id)
        row = found.filter(version=version).select_related("document").first()
        return load_document(row.document.canonical) if row else None

    def has_person(self, kind: str, name: str) -> bool | None:
        if kind == "user":
            return people.member_named(self._tenant_id, name) is not None
        if kind == "group":
            return people.is_group(self._tenant_id, name)
        return name in Role.values

    def members(self, kind: str, name: str) -> frozenset[str] | None:
        if kind == "user":
            known = people.member_named(self._tenant_id, name)
            return frozenset({known.username if known else name})
        if kind == "group":
            found = people.members_of(self._tenant_id).filter(groups__name=name)
        else:
            found = people.people_in_role(name, self._tenant_id, self._project.pk if self._project else None)
        return frozenset(found.values_list("username", flat=True))

    def has_secret(self, config: Any, alias: str) -> bool | None:
        kind = (self._project.settings.get("secrets_provider") if self._project else None) or config.provider
        if kind != "env":
            return None
        try:
            provider_of(self._tenant_id, kind, config.prefix or "").read(config.key_of(alias))
        except SecretMissing:
            return False
        except SecretUnavailable:
            return None
        return True

    def profiles(self) -> Mapping[str, Profile] | None:
        found = self._profile
        return {found.name: Profile(found.name, found.model)} if found else {}

    def models(self) -> Mapping[str, ModelFacts] | None:
        return _Models(self._profile) if self._profile else None

    def has_prompt(self, name: str, version: str | None) -> bool | None:
        return False

    def has_calendar(self, name: str) -> bool | None:
        return False

    def has_channel(self, name: str) -> bool | None:
        return False

    @cached_property
    def _profile(self) -> llm.Profile | None:
        try:
            return llm.find(None, self._tenant_id)
        except llm.NoProfile:
            return None

    def allowed_actions(self) -> Sequence[str] | None:
        allowed: Sequence[str] | None = self._project.settings.get("allowed_actions") if self._project else None
        return allowed


class _Models(Mapping[str, ModelFacts]):
    """Every name may be that of a model at the profile's endpoint; only prices are known, and not of all."""

    def __init__(self, profile: llm.Profile) -> None:
        self._profile = profile

    def __getitem__(self, name: str) -> ModelFacts:
        price = self._profile.price_of(name)
        return ModelFacts(name, float(price.prompt), float(price.completion)) if price else ModelFacts(name)

    def __iter__(self) -> Iterator[str]:
        return iter((self._profile.model,))

    def __len__(self) -> int:
        return 1


def _child(row: ProcedureVersion) -> ChildVersion:
    current = frozenset(entry.channel for entry in row.current_in.all())
    return ChildVersion(row.version, row.status, current, current)


def _capability(agent_id: str, offer: Offer) -> Capability:
    properties = (offer.params_schema or {}).get("properties")
    return Capability(
        offer.name,
        offer.type,
        offer.version,
        offer.side_effect,
        offer.keeps_keys,
        frozenset(properties) if isinstance(properties, dict) else None,
        "workflow" if offer.type == "workflow" else "agent_http",
        agent_id,
    )
