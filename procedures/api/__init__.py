"""Procedures over REST (api 4)."""
