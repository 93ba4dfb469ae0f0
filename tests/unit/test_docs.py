"""Every command that README and docs name exists, and every link leads somewhere."""

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

MAKE = re.compile(r"(?:^|`|\$ )make ([a-z0-9-]+(?: [a-z0-9-]+)*)", re.MULTILINE)
MANAGE = re.compile(r"manage\.py ([a-z_]+)")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
FENCE = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)


def code(page: Path) -> str:
    """The commands of a page: its fenced blocks without comments, and what stands in backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = [re.sub(r"\s+#.*", "", line).strip() for block in FENCE.findall(text) for line in block.splitlines()]
    return "\n".join(blocks + [f"`{inline}`" for inline in re.findall(r"`([^`\n]+)`", FENCE.sub("", text))])


def test_make_targets_exist() -> None:
    targets = {target for page in PAGES for found in MAKE.findall(code(page)) for target in found.split()}
    dry = subprocess.run(["make", "--dry-run", *sorted(targets)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert dry.returncode == 0, dry.stderr


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_management_commands_exist(page: Path) -> None:
    assert set(MANAGE.findall(code(page))) - set(get_commands()) == set()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        target for target in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / target).exists()
    ]
    assert missing == []


def test_readme_names_the_two_commands() -> None:
    assert {"run", "test"} <= {found.split()[0] for found in MAKE.findall(code(ROOT / "README.md"))}
