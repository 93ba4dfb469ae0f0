"""`manage.py ckp_explain`: what would a run of this file read, call, cost, and which ways may it take?"""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from langorch.lib import clock
from procedures import ckp_reports
from procedures.ckp.explain import explain
from procedures.limits import system_limits
from procedures.management import documents


class Command(BaseCommand):
    help = "Explains a CKP document without a server or database. Ends with 1 when it has errors."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--inputs", metavar="JSON", type=_inputs, help="an object; decides rules over inputs")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, file: str, inputs: dict[str, Any] | None, format: str, **options: Any) -> None:
        compiled = documents.compiled(file)
        if not compiled.ok:
            self.stderr.write(ckp_reports.as_text([ckp_reports.Checked(file, compiled)]))
            sys.exit(1)
        explained = explain(compiled, inputs=inputs, now=clock.now(), limits=system_limits())
        text = json.dumps(explained, indent=2, ensure_ascii=False)
        self.stdout.write(ckp_reports.explained_as_text(explained) if format == "text" else text)


def _inputs(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(f"--inputs is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise CommandError("--inputs must be a JSON object.")
    return given
