"""`manage.py ckp_import`: store documents as versions, as a named person."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from langorch.lib.errors import Refusal
from procedures import ckp_reports, services
from procedures.management import documents
from tenants.actor import Actor
from tenants.models import Project


class Command(BaseCommand):
    help = "Stores CKP documents as versions of their procedures. Ends with 1 when one was refused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--as", dest="username", required=True, help="who imports; their roles count")
        parser.add_argument("--project", metavar="NAME", help="where new procedures belong")
        parser.add_argument("--tenant", metavar="SLUG", help="default: that of their first membership")

    def handle(
        self, *args: Any, files: list[str], username: str, project: str | None, tenant: str | None, **options: Any
    ) -> None:
        actor = documents.person(username, tenant)
        home = documents.project_called(actor, project)
        stored = [self._import(actor, name, home) for name in files]
        if not all(stored):
            sys.exit(1)

    def _import(self, actor: Actor, name: str, project: Project | None) -> bool:
        """Whether the document of one file is stored now."""
        try:
            imported = services.import_document(actor, documents.read(name), project)
        except Refusal as refusal:
            problems = refusal.extra.get("problems", ())
            for problem in problems:
                self.stderr.write(ckp_reports.problem_line(name, problem))
            self.stderr.write(f"{name}: refused, {refusal.code}{'' if problems else f': {refusal.detail}'}")
            return False
        for line in ckp_reports.problem_lines(name, imported.problems):
            self.stdout.write(line)
        word = "imported" if imported.created else "was there already, unchanged"
        self.stdout.write(f"{name}: {imported.version} {word}")
        return True
