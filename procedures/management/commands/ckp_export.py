"""`manage.py ckp_export`: the document of a stored version."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from langorch.lib.errors import NotFound
from procedures import selectors
from procedures.ckp.values import canonical_json
from procedures.management import documents
from procedures.models import ProcedureVersion
from tenants.actor import system


class Command(BaseCommand):
    help = "Prints a document exactly as it was imported, or the canonical JSON that its hash is taken of."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="ID[@VERSION]", help="without a version, the newest that is not archived")
        parser.add_argument("--canonical", action="store_true")
        parser.add_argument("--tenant", metavar="SLUG")

    def handle(self, *args: Any, name: str, canonical: bool, tenant: str | None, **options: Any) -> None:
        version = self._version(name, tenant)
        text = canonical_json(version.document.canonical) if canonical else version.source
        self.stdout.write(text, ending="")

    def _version(self, name: str, slug: str | None) -> ProcedureVersion:
        procedure_id, _, version = name.partition("@")
        reader = system(documents.tenant_called(slug).pk)
        try:
            return selectors.version_for(reader, procedure_id, version or selectors.LATEST)
        except NotFound as refusal:
            raise CommandError(refusal.detail) from refusal
