"""`manage.py ckp_validate`: what does the compiler say about these files?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from langorch import __version__
from procedures import ckp_reports
from procedures.management import documents


class Command(BaseCommand):
    help = "Compiles CKP documents without a server or database. Ends with 1 when one has errors."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--format", choices=sorted(ckp_reports.WRITERS), default="text")

    def handle(self, *args: Any, files: list[str], format: str, **options: Any) -> None:
        checked = [ckp_reports.Checked(name, documents.compiled(name)) for name in files]
        self.stdout.write(ckp_reports.WRITERS[format](checked, __version__))
        if not all(file.compiled.ok for file in checked):
            sys.exit(1)
