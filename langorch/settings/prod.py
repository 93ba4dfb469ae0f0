"""Production: HTTPS only, cookies for HTTPS, hashed static files."""

from langorch.settings.base import *  # noqa: F403
from langorch.settings.base import BASE_DIR, ENVIRONMENT, STORAGES
from langorch.settings.env import ConfigurationFault

if ENVIRONMENT != "prod":
    raise ConfigurationFault(["production settings need ENVIRONMENT=prod, which checks what must not be left open"])

SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
WHITENOISE_USE_FINDERS = False
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
