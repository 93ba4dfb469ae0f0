"""Settings that all environments share. What differs per installation comes from `env.read()` alone."""

import os
from pathlib import Path
from typing import Any

import environ
from django.urls import reverse_lazy

from langorch.lib import keyfile
from langorch.settings import admin, stores
from langorch.settings import env as environment
from langorch.settings.logs import configure as configure_logs

BASE_DIR = Path(__file__).resolve().parent.parent.parent

if not os.environ.get("DJANGO_SETTINGS_MODULE", "").endswith(".test"):
    environ.Env.read_env(BASE_DIR / ".env")
ENV = environment.read()
EMBEDDED = ENV.embedded
ENVIRONMENT = ENV.ENVIRONMENT
DEBUG = ENV.DEBUG
VAR_DIR = (BASE_DIR / ENV.VAR_DIR).resolve()
SECRET_KEY = ENV.SECRET_KEY or keyfile.read_or_make(VAR_DIR / "secret-key")
SECRET_KEY_FALLBACKS = ENV.SECRET_KEY_FALLBACKS
ALLOWED_HOSTS = ENV.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = ENV.CSRF_TRUSTED_ORIGINS
SELF_BASE_URL = ENV.base_url
EGRESS = ENV.egress

INSTALLED_APPS = [
    "daphne",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "langorch.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "guardian",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_structlog",
    "tenants",
    "approvals",
    "agents",
    "procedures",
    "orchestration",
    "langorch",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "langorch.middleware.ContentPolicy",
    "langorch.middleware.BothSlashForms",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.auth.session.SessionLimit",
    "tenants.middleware.ActorMiddleware",
    "langorch.pages.zone.PersonalZone",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "langorch.middleware.Refusals",
]

ROOT_URLCONF = "langorch.urls"
ASGI_APPLICATION = "langorch.asgi.application"
WSGI_APPLICATION = "langorch.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "langorch.pages.context.shell",
            ],
        },
    },
]

SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
        "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=134217728;"
    ),
}


def database() -> dict[str, Any]:
    """The one database: the file in VAR_DIR, or what DATABASE_URL names."""
    if EMBEDDED:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        name = VAR_DIR / "langorch.sqlite3"
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": SQLITE_OPTIONS}
    config: dict[str, Any] = environ.Env.db_url_config(ENV.DATABASE_URL)
    if "postgresql" in config["ENGINE"]:
        pool = {"min_size": 1, "max_size": ENV.DB_POOL_SIZE, "timeout": ENV.DB_POOL_TIMEOUT}
        config["OPTIONS"] = {**config.get("OPTIONS", {}), "pool": pool}
    else:
        config["OPTIONS"] = SQLITE_OPTIONS
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "tenants.auth.password.PasswordBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": ENV.PASSWORD_MIN_LENGTH},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
LOGIN_URL = reverse_lazy("login")
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = reverse_lazy("login")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = ENV.SESSION_IDLE_MINUTES * 60
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "langorch.pages.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = ENV.MAX_REQUEST_BYTES
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = "langorch.formats"
APPEND_SLASH = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
ARTIFACTS_DIR = (BASE_DIR / ENV.ARTIFACTS_DIR).resolve() if ENV.ARTIFACTS_DIR else VAR_DIR / "artifacts"
STORAGES = {
    "default": stores.backend(ENV.ARTIFACTS_URL, ARTIFACTS_DIR),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

if EMBEDDED:
    CHANNEL_LAYERS: dict[str, Any] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CELERY_BROKER_URL = "memory://localhost/"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"polling_interval": 0.02}
else:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [ENV.CHANNEL_REDIS_URL or ENV.REDIS_URL]},
        }
    }
    CELERY_BROKER_URL = ENV.CELERY_BROKER_URL or ENV.REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}

if ENV.EMAIL_URL:
    vars().update(environ.Env.email_url_config(ENV.EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"
DEFAULT_FROM_EMAIL = ENV.DEFAULT_FROM_EMAIL

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.auth.bearer.BearerAuthentication",
        "tenants.auth.session.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.Declared"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["langorch.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "langorch.api.schema.EndpointSchema",
    "EXCEPTION_HANDLER": "langorch.api.errors.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LangOrch",
    "DESCRIPTION": "Procedures, runs and approvals of an operations portal.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "PREPROCESSING_HOOKS": ["langorch.api.schema.ours"],
    "POSTPROCESSING_HOOKS": ["langorch.api.schema.complete"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

UNFOLD = admin.UNFOLD

LOGGING = configure_logs(ENV.LOG_FORMAT or ("text" if EMBEDDED else "json"), ENV.LOG_LEVEL)
