"""`manage.py worker`: drives runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from langorch.processes import distributed
from langorch.processes.identity import process_name
from langorch.processes.preparation import wait_for_schema
from langorch.processes.workers import work


class Command(BaseCommand):
    help = "Drives runs, as a process of its own; start as many as you like. Needs DATABASE_URL and REDIS_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        distributed.require("database", "broker", "live", "storage")
        stop = distributed.listen()
        wait_for_schema(stop.requested)
        self.stdout.write(f"Worker {process_name()} drives {settings.ENV.WORKER_CONCURRENCY} runs at a time")
        work(stop)
        stop.leave()
