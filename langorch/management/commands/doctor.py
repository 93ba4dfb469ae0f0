"""`manage.py doctor`: is everything there that the portal needs?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from langorch import checks


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in checks.CHECKS]:
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return names


class Command(BaseCommand):
    help = f"Checks {', '.join(checks.CHECKS)}. Prints one line per fault and ends with 1 when there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", type=_names, default=list(checks.CHECKS), help="some checks, comma-separated")

    def handle(self, *args: Any, only: list[str], **options: Any) -> None:
        if found := checks.faults(only):
            self.stderr.write("\n".join(found))
            sys.exit(1)
        self.stdout.write(f"{len(only)} checks, no fault")
