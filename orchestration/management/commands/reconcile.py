"""`manage.py reconcile`: what is wrong with runs, mended where that is safe; for use after a restore."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orchestration.reconcile import Finding, reconcile


class Command(BaseCommand):
    help = (
        "Lists what is wrong with runs and which steps are in doubt, one line each; with --fix it mends what is safe."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fix", action="store_true", help="mend what can be mended safely")

    def handle(self, *args: Any, fix: bool, **options: Any) -> None:
        numbers: Counter[str] = Counter()
        for found in reconcile(fix=fix):
            word = _word(found)
            numbers[word] += 1
            self.stdout.write(f"{word:8} {found.run_id}  {found.sentence}.")
        told = ", ".join(f"{number} {word}" for word, number in sorted(numbers.items()))
        self.stdout.write(told or "Nothing is wrong, and no step is in doubt.")


def _word(found: Finding) -> str:
    if found.check == "doubt":
        return "in doubt"
    return "mended" if found.mended else "wrong"
