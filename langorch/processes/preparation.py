"""What comes before the first request: the schema, and on an empty database the sample data."""

import threading

from django.conf import settings
from django.core.management import call_command

from langorch import checks, demo
from langorch.processes.console import say
from tenants.models import Tenant

LOOK_AGAIN_SECONDS = 1.0


def prepare() -> None:
    """Bring the database to the present schema; load the samples when it holds nothing. For one process at a time."""
    if missing := checks.unapplied_migrations():
        say(f"Preparing the database ({missing} migrations)")
        call_command("migrate", interactive=False, verbosity=0)
    if settings.ENVIRONMENT == "dev" and not Tenant.objects.exists():
        say("Loading the samples")
        demo.load()


def wait_for_schema(stop: threading.Event) -> None:
    """Return when somebody else has prepared the database, or at a stop."""
    missing = checks.unapplied_migrations()
    if missing:
        say(f"Waiting: {missing} migrations are not applied; `manage.py migrate` applies them")
    while missing and not stop.wait(LOOK_AGAIN_SECONDS):
        missing = checks.unapplied_migrations()
