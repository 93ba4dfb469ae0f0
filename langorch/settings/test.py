"""Tests: a database for each process, cheap passwords, mail and artifacts in memory, calls to this machine."""

import os

from langorch.lib.egress import LOOPBACK, Egress
from langorch.settings.base import *  # noqa: F403
from langorch.settings.base import DATABASES, EMBEDDED, STORAGES, VAR_DIR

if EMBEDDED:
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / f"test-{os.getpid()}.sqlite3"}
elif part := os.environ.get("TEST_PART"):
    DATABASES["default"]["TEST"] = {"NAME": f"test_{DATABASES['default']['NAME']}_{part}"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
EGRESS = Egress.parse(LOOPBACK)
STORAGES["default"] = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
