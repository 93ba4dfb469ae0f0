"""Who works here, where, and what they did."""

from tenants.models.access import AccessToken, LoginAttempt, Membership, StoredAnswer, UsedTicket
from tenants.models.audit import AuditEntry
from tenants.models.base import TenantOwned
from tenants.models.places import Project, Tenant
from tenants.models.user import User

__all__ = [
    "AccessToken",
    "AuditEntry",
    "LoginAttempt",
    "Membership",
    "Project",
    "StoredAnswer",
    "Tenant",
    "TenantOwned",
    "UsedTicket",
    "User",
]
