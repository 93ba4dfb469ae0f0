"""Comparing what stands in the database with itself: what is wrong is mended where that is safe, else told."""

from orchestration.reconcile.checks import reconcile
from orchestration.reconcile.finding import Finding

__all__ = ["Finding", "reconcile"]
