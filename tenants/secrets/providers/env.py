"""Secrets of the default tenant in the environment of the process: LANGORCH_SECRET_<NAME> (settings 2)."""

import os
import re
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings

from tenants.models import Tenant
from tenants.secrets.base import SecretMissing, SecretUnavailable

BEFORE: Final = "LANGORCH_SECRET_"
_OTHER: Final = re.compile(r"[^A-Z0-9]")


class EnvironmentSecrets:
    """The environment has no tenants, so only the default one is served from it."""

    def __init__(self, tenant_id: UUID, prefix: str = "") -> None:
        self._tenant_id = tenant_id
        self._prefix = prefix

    def read(self, name: str) -> str:
        """The text of LANGORCH_SECRET_<NAME>, or of the file that LANGORCH_SECRET_<NAME>_FILE names."""
        if not Tenant.objects.filter(pk=self._tenant_id, slug=settings.ENV.DEFAULT_TENANT).exists():
            raise SecretUnavailable("Secrets of the environment belong to the default tenant alone.")
        variable = variable_of(f"{self._prefix}{name}")
        if (value := os.environ.get(variable)) is not None:
            return value
        if (path := os.environ.get(f"{variable}_FILE")) is not None:
            return _content(name, Path(path))
        raise SecretMissing(f"There is no secret '{name}': {variable} is not set.")


def variable_of(name: str) -> str:
    """The variable that holds a secret: upper case, with an underscore for all else than letters and digits."""
    written = _OTHER.sub("_", name.upper())
    return written if written.startswith(BEFORE) else BEFORE + written


def _content(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise SecretUnavailable(f"The file of the secret '{name}' cannot be read.") from None
