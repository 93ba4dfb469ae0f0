"""What all ways of proving an identity say alike."""

from langorch.lib.errors import Denied, NotFound, Refusal


def no_tenant(slug: str | None) -> Refusal:
    """For somebody known who belongs to no tenant, or not to the one they named by `X-Tenant`."""
    if slug:
        return NotFound(f"You belong to no tenant called {slug}.")
    return Denied("view", detail="You belong to no tenant yet.")
