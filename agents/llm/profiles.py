"""Which model is asked where: the profile `default`, which the settings make (settings 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings

from agents.llm.prices import Price, price_of
from langorch.lib.redaction import Redactor
from tenants.models import Tenant

DEFAULT: Final = "default"


class NoProfile(Exception):
    """There is no such profile, or the tenant has none."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Profile:
    """An endpoint with its first model, its limits and its prices. `headers` hold what authenticates us."""

    name: str
    base_url: str
    model: str
    headers: Mapping[str, str]
    seconds: float
    prices: Mapping[str, Price]
    falls_back: bool
    most_repairs: int

    def price_of(self, model: str) -> Price | None:
        """What a model costs; none where nobody knows it."""
        return price_of(model, self.prices)

    @property
    def redactor(self) -> Redactor:
        """Masks what authenticates us, inside any text."""
        values = self.headers.values()
        return Redactor(secrets=[*values, *(value.partition(" ")[2] for value in values)])


def find(name: str | None, tenant_id: UUID) -> Profile:
    """The profile that a tenant calls `name` (none: its default one). Raises `NoProfile`."""
    if name not in (None, DEFAULT):
        raise NoProfile(f"There is no model profile {name!r}.")
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=tenant_id)
    if slug != settings.ENV.DEFAULT_TENANT:
        raise NoProfile("This tenant has no model profile; the settings LLM_… make that of the default tenant.")
    return _default()


def _default() -> Profile:
    env = settings.ENV
    key = env.LLM_API_KEY.get_secret_value()
    own = {name: value.get_secret_value() for name, value in env.LLM_GATEWAY_HEADERS.items()}
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return Profile(
        name=DEFAULT,
        base_url=env.LLM_BASE_URL.rstrip("/"),
        model=env.LLM_DEFAULT_MODEL,
        headers=headers | {name.lower(): value for name, value in own.items()},
        seconds=env.LLM_TIMEOUT_SECONDS,
        prices={name: Price(one.prompt, one.completion) for name, one in env.LLM_MODEL_COST_JSON.items()},
        falls_back=env.LLM_ENABLE_FALLBACK,
        most_repairs=env.LLM_MAX_REPAIRS,
    )
