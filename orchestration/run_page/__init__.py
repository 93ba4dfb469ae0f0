"""The page of one run: what stands around its tabs, and one module for each tab."""

from orchestration.run_page.page import RunPage
from orchestration.run_page.reading import run_for

__all__ = ["RunPage", "run_for"]
