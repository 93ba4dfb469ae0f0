"""Secrets are references; their values are read from a provider at the moment of use (runtime 20)."""

from tenants.secrets.base import Provider, SecretFault, SecretMissing, SecretUnavailable
from tenants.secrets.providers import provider_of

__all__ = ["Provider", "SecretFault", "SecretMissing", "SecretUnavailable", "provider_of"]
