"""Every permission by its public name, and the capability that carries it (api 3)."""

from tenants.choices import Capability

PERMISSIONS: dict[str, Capability] = {
    "view": Capability.VIEW,
    "approvals.decide": Capability.DECIDE,
    "procedures.edit": Capability.OPERATE,
    "runs.start": Capability.OPERATE,
    "runs.operate": Capability.OPERATE,
    "agents.operate": Capability.OPERATE,
    "agents.admin": Capability.ADMINISTER,
    "procedures.release": Capability.ADMINISTER,
    "projects.admin": Capability.ADMINISTER,
    "members.admin": Capability.ADMINISTER,
    "audit.view": Capability.ADMINISTER,
    "runs.cleanup": Capability.ADMINISTER,
    "runs.view_sensitive": Capability.ADMINISTER,
}

GRANTED_BY = {
    Capability.VIEW: "an administrator of your tenant",
    Capability.OPERATE: "an administrator of your tenant",
    Capability.DECIDE: "an administrator of your tenant",
    Capability.ADMINISTER: "an administrator of your tenant",
}
