"""The reference page says what the code does."""

from pathlib import Path

from procedures.ckp.problems import CATALOGUE, DOCS_PAGE, docs_anchor
from procedures.ckp.reference import page

ROOT = Path(__file__).parents[3]


def test_page_and_code_are_equal():
    assert (ROOT / DOCS_PAGE).read_text() == page()


def test_every_problem_has_its_heading():
    headings = {line.removeprefix("### ").lower() for line in page().splitlines() if line.startswith("### ")}
    assert all(docs_anchor(code).partition("#")[2] in headings for code in CATALOGUE)


def test_fields_are_described_in_words():
    lines = page().splitlines()
    assert "| `max_retries` | whole number 0 to 50 |" in lines
    assert "| `max_cost_usd` | number above 0 |" in lines
    assert "| `condition`* | condition |" in lines
    assert "| `steps`* | list of: object: step |" in lines
    assert "| `timeout_ms` | whole number 0 to 2,678,400,000 **T** |" in lines
