"""Embedded and developers' machines."""

from langorch.settings.base import *  # noqa: F403
from langorch.settings.base import ENVIRONMENT
from langorch.settings.env import ConfigurationFault

if ENVIRONMENT == "prod":
    raise ConfigurationFault(["ENVIRONMENT=prod in .env also needs DJANGO_SETTINGS_MODULE=langorch.settings.prod"])
