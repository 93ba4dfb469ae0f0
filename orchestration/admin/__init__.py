"""Runs and their records in the admin: to look at, to cancel, to retry and to delete."""

from orchestration.admin import bulk, records, runs

__all__ = ["bulk", "records", "runs"]
