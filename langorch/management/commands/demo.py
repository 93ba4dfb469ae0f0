"""`manage.py demo`: the sample data."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from langorch import demo
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Loads two sample tenants with projects, procedures and a user per role into an empty database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="remove everything that is in the database first")

    def handle(self, *args: Any, reset: bool, **options: Any) -> None:
        if settings.ENVIRONMENT == "prod":
            raise CommandError("The samples are not for production.")
        if reset:
            call_command("flush", interactive=False, verbosity=0)
        if Tenant.objects.exists():
            raise CommandError("The database is not empty. With --reset everything in it is removed first.")
        demo.load()
        self.stdout.write(f"Samples loaded; the passwords are in {demo.first_login_file()}")
