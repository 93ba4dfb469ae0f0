"""`manage.py web`: pages, API and live updates."""

from typing import Any

from django.core.management.base import BaseCommand

from langorch.processes import distributed


class Command(BaseCommand):
    help = "Pages, API and live updates, as a process of its own; needs DATABASE_URL and REDIS_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        distributed.web()
