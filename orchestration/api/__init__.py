"""Runs over REST (api 5)."""
