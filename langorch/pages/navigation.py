"""The pages of the navigation, in three groups: work, definitions, means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Rights = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the navigation. `path` also claims the addresses below it; `shown` asks the rights of the person."""

    label: str
    path: str
    icon: str
    shown: Callable[[Rights], bool] = lambda rights: True


@dataclass(frozen=True, slots=True)
class Link:
    """A page as one person sees it on one page."""

    label: str
    url: str
    icon: str
    current: bool
    count: int = 0


GROUPS: tuple[tuple[Page, ...], ...] = (
    (
        Page("Now", "/", "home"),
        Page("Approvals", "/approvals", "inbox"),
        Page("Runs", "/runs", "runs"),
    ),
    (
        Page("Procedures", "/procedures", "doc"),
        Page("Import", "/import", "up2", lambda rights: rights["edit"]),
    ),
    (
        Page("Mailbox", "/mailbox", "mail", lambda rights: rights["mailbox"]),
        Page("Admin", "/admin/", "gear", lambda rights: rights["admin"]),
    ),
)


def groups(path: str, query: str, rights: Rights, waiting: int) -> list[list[Link]]:
    """The links for somebody with `rights` at the address `path`; `query` keeps the chosen project."""
    drawn = [[_link(page, path, query, waiting) for page in group if page.shown(rights)] for group in GROUPS]
    return [group for group in drawn if group]


def _link(page: Page, path: str, query: str, waiting: int) -> Link:
    current = path == page.path if page.path == "/" else path.startswith(page.path)
    count = waiting if page.path == "/approvals" else 0
    return Link(page.label, page.path + query, page.icon, current, count)
