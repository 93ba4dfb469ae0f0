"""The providers of secrets by their names in documents (CKP 1.1)."""

from uuid import UUID

from tenants.secrets.base import Provider, SecretUnavailable
from tenants.secrets.providers.env import EnvironmentSecrets


def provider_of(tenant_id: UUID, kind: str, prefix: str = "") -> Provider:
    """The provider `kind` for a tenant; `prefix` stands before its names. Raises `SecretUnavailable`."""
    if kind != "env":
        raise SecretUnavailable(f"This installation has no secret provider '{kind}'.")
    return EnvironmentSecrets(tenant_id, prefix)
