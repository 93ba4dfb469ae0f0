"""Runs and their records in the admin: to look at, to cancel and to retry."""

from orchestration.admin import records, runs

__all__ = ["records", "runs"]
