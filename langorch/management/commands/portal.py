"""`manage.py portal`: web, workers and beat in one process."""

from typing import Any

from django.core.management.base import BaseCommand

from langorch.processes import embedded


class Command(BaseCommand):
    help = "The whole portal in one process, on SQLite and loopback: web, workers and beat."

    def handle(self, *args: Any, **options: Any) -> None:
        embedded.run()
