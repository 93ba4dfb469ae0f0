"""`manage.py ckp_reference`: write the reference of the language from the tables in the code."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from procedures.ckp import node_pages, reference
from procedures.ckp.document import NODE_MODELS


class Command(BaseCommand):
    help = "Writes docs/reference/ckp.md and the pages of docs/reference/ckp/."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(settings.BASE_DIR) / "docs" / "reference"
        written = {"ckp.md": reference.page(), **{f"ckp/{name}": text for name, text in _node_pages(folder).items()}}
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(written)} pages in {folder}")


def _node_pages(folder: Path) -> dict[str, str]:
    examples = folder / "ckp" / "examples"
    return node_pages.pages({name: (examples / f"{name}.json").read_text(encoding="utf-8") for name in NODE_MODELS})
