"""`manage.py worker`: drives runs."""

from typing import Any

from django.core.management.base import BaseCommand

from langorch.processes import distributed


class Command(BaseCommand):
    help = "Drives runs, as a process of its own; start as many as you like. Needs DATABASE_URL and REDIS_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        distributed.worker()
