"""Tenants, projects, people, roles and the audit trail."""
