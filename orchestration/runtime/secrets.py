"""Secrets of a run: marks in parameters until the moment of sending, then values (runtime 20)."""

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from langorch.lib import ids, redaction
from langorch.lib.redaction import Redactor
from orchestration.runtime.outcomes import Error, Json, StepFailed
from procedures.ckp.document.config import SecretsConfig
from procedures.ckp.expressions import SecretRef
from procedures.ckp.values import canonical_json
from tenants.models import Project
from tenants.secrets import Provider, SecretFault, SecretMissing, provider_of

SETTING: Final = "secrets_provider"
"""The setting of a project that puts another provider in place of every document's, with the same keys."""
_BETWEEN, _END = "\ue001", "\ue002"
_BEGIN: Final = f"\ue000{ids.token(16)}:"
"""Begins a mark; new in each process, and never told."""
_MARK: Final = re.compile(f"{_BEGIN}([^{_END}]*){_END}")


class Secrets:
    """The secrets that one drive may use.

    A parameter is rendered with a mark where a secret stands; no data can forge one. `shown` is what is recorded,
    `resolve` what is sent. Every value that was resolved is masked from then on in all that the run tells.
    """

    def __init__(self, config: SecretsConfig, tenant_id: UUID, project_id: UUID | None, redactor: Redactor) -> None:
        self._config = config
        self._tenant_id = tenant_id
        self._project_id = project_id
        self._redactor = redactor

    def mark(self, reference: SecretRef) -> str:
        """What stands for a secret in rendered parameters."""
        name = reference.alias if reference.key is None else reference.alias + _BETWEEN + reference.key
        return _BEGIN + name + _END

    def used_in(self, value: Json) -> bool:
        """Whether a rendered value holds a secret."""
        return any(_MARK.search(text) for text in _texts(value))

    def shown(self, value: Json) -> Json:
        """A rendered value as it is recorded: `[secret:alias]` for each secret."""
        return _mapped(value, lambda text: _MARK.sub(_shown, text))

    def resolve(self, value: Json, url: str) -> Json:
        """A rendered value as it is sent to `url`, which a value without secrets need not satisfy.

        Raises `StepFailed`: policy_denied unless the way is TLS or loopback, secret_missing, secret_unavailable.
        """
        if not self.used_in(value):
            return value
        if not is_private(url):
            message = "Secrets are sent over TLS or to this machine only."
            raise StepFailed(Error("policy_denied", message, details={"policy": "secrets_over_tls"}))
        provider = self._provider()
        return _mapped(value, lambda text: self._filled(text, provider))

    def text_of(self, alias: str) -> str:
        """The text of a secret by its alias, for work inside the house. Raises `StepFailed` as `resolve` does."""
        return _as_text(self._value(alias, self._provider()))

    def without(self, value: Json) -> Json:
        """What came back from outside, without any secret value that this run resolved."""
        return self._redactor.without_secrets(value)

    def without_in_bytes(self, content: bytes) -> bytes | None:
        """As `without`, for a file: masked in one that is text; none for any other that holds a secret."""
        try:
            return self._redactor.text(content.decode()).encode()
        except UnicodeDecodeError:
            return None if self._redactor.found_in(content) else content

    def _filled(self, text: str, provider: Provider) -> Json:
        if whole := _MARK.fullmatch(text):
            return self._value(whole[1], provider)
        return _MARK.sub(lambda mark: _as_text(self._value(mark[1], provider)), text)

    def _provider(self) -> Provider:
        try:
            return provider_of(self._tenant_id, self._kind(), self._config.prefix or "")
        except SecretFault as fault:
            raise _failed(fault) from None

    def _kind(self) -> str:
        if self._project_id is None:
            return self._config.provider
        settings = Project.system.filter(pk=self._project_id).values_list("settings", flat=True).first() or {}
        return str(settings.get(SETTING) or self._config.provider)

    def _value(self, name: str, provider: Provider) -> Json:
        alias, between, key = name.partition(_BETWEEN)
        try:
            text = provider.read(self._config.key_of(alias))
        except SecretFault as fault:
            raise _failed(fault) from None
        whole = _read(text)
        if not between:
            self._learn([text, *_texts(whole)])
            return text
        if not isinstance(whole, dict) or key not in whole:
            raise _failed(SecretMissing(f"The secret '{alias}' is no JSON object with a field '{key}'."))
        self._learn([text, *_texts(whole[key])])
        return whole[key]

    def _learn(self, texts: list[str]) -> None:
        self._redactor.learn(texts)
        redaction.SEEN.learn(texts)


def is_private(url: str) -> bool:
    """Whether what goes to `url` is seen by nobody between: TLS, or this machine."""
    parts = urlsplit(url)
    if parts.scheme in ("https", "wss"):
        return True
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(text: str) -> Json:
    """The JSON that a secret is, or null."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _failed(fault: SecretFault) -> StepFailed:
    return StepFailed(Error("secret_missing" if isinstance(fault, SecretMissing) else "secret_unavailable", str(fault)))


def _shown(mark: re.Match[str]) -> str:
    return f"[secret:{mark[1].replace(_BETWEEN, '.')}]"


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def _texts(value: Json) -> list[str]:
    if isinstance(value, dict | list):
        return [text for item in (value.values() if isinstance(value, dict) else value) for text in _texts(item)]
    return [] if value is None or isinstance(value, bool) else [value if isinstance(value, str) else str(value)]


def _mapped(value: Json, change: Callable[[str], Json]) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    return value
