"""The published failure contract names tests, and they exist."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "failure-contract.md"
TEST = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)+)`")


def rows() -> list[tuple[str, list[str]]]:
    """Each fault of the page with the tests that prove it."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [(fault, TEST.findall(proof)) for fault, _, proof in cells if fault != "fault"]


def test_every_row_names_a_test() -> None:
    assert len(rows()) > 20
    assert [fault for fault, proof in rows() if not proof] == []


def test_every_test_that_is_named_exists() -> None:
    named = sorted({test for _, proof in rows() for test in proof})
    collecting = [sys.executable, "-m", "pytest", "--collect-only", "-q", *named]
    done = subprocess.run(collecting, cwd=ROOT, capture_output=True, text=True, check=False)
    collected = {line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line}
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert set(named) <= collected
