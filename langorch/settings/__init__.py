"""Settings: one base, and what development, tests and production add to it."""

import os


def choose() -> None:
    """Name the settings that ENVIRONMENT asks for, unless DJANGO_SETTINGS_MODULE names some."""
    name = "prod" if os.environ.get("ENVIRONMENT") == "prod" else "dev"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"langorch.settings.{name}")
