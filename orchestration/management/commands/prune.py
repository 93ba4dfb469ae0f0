"""`manage.py prune`: retention now."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orchestration.pruning import EVERYTHING, FILES, prune


class Command(BaseCommand):
    help = "Removes what is older than it is to be kept, and prints how many rows of each kind that were."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count only")
        parser.add_argument("--what", default="", help=f"some of {', '.join(EVERYTHING)}, comma-separated")
        parser.add_argument("--before", default="", help="a date or time in place of the settings, such as 2026-01-31")

    def handle(self, *args: Any, dry_run: bool, what: str, before: str, **options: Any) -> None:
        names = [name for name in what.split(",") if name]
        if unknown := [name for name in names if name not in EVERYTHING]:
            raise CommandError(f"--what: unknown: {', '.join(unknown)}; there are {', '.join(EVERYTHING)}")
        if before and not names:
            raise CommandError("--before needs --what: say what is to be removed")
        if FILES in names and (before or dry_run):
            raise CommandError(f"--what: {FILES} cannot be counted, and go a day after they were written")
        for name, number in prune(names, _moment(before), dry_run=dry_run).items():
            self.stdout.write(f"{name}: {number}{' would be removed' if dry_run else ' removed'}")


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--before: {text!r} is no date") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
