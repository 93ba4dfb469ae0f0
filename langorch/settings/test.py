"""Tests: a database file of their own, cheap passwords, mail in memory."""

from langorch.settings.base import *  # noqa: F403
from langorch.settings.base import DATABASES, EMBEDDED, VAR_DIR

if EMBEDDED:
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
