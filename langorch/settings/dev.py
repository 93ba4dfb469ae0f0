"""Embedded and developers' machines."""

from langorch.settings.base import *  # noqa: F403
