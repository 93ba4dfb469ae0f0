"""People, roles and the audit trail in the admin."""

from tenants.admin import members, places, trail

__all__ = ["members", "places", "trail"]
