"""`manage.py beat`: timers and sweeps."""

from typing import Any

from django.core.management.base import BaseCommand

from langorch.processes import distributed


class Command(BaseCommand):
    help = "Timers and sweeps, as a process of its own; several may run, one leads. Needs DATABASE_URL and REDIS_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        distributed.beat()
