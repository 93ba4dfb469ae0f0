"""The outbox of an installation that keeps its mails in files: for reading what would have been sent."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

NAME = re.compile(r"[0-9A-Za-z-]+\.log")
BETWEEN = b"-" * 79 + b"\n"
MOST = 200


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it was written: number `number`, from 0, of the file `name`."""

    name: str
    number: int
    subject: str
    sender: str
    to: str
    at: datetime | None
    text: str


def latest(folder: Path) -> list[Mail]:
    """The newest mails of `folder`, at most 200, newest first."""
    names = sorted((path.name for path in folder.glob("*.log")), reverse=True)
    return [mail for name in names[:MOST] for mail in reversed(list(read(folder, name)))]


def read(folder: Path, name: str) -> Iterator[Mail]:
    """The mails of one file, oldest first; nothing for a name that is no file of ours."""
    path = folder / name
    if not NAME.fullmatch(name) or not path.is_file():
        return
    parts = (part for part in path.read_bytes().split(BETWEEN) if part.strip())
    for number, part in enumerate(parts):
        yield _mail(name, number, message_from_bytes(part.lstrip(), policy=policy.default))


def _mail(name: str, number: int, message: EmailMessage) -> Mail:
    body = message.get_body(("plain",))
    return Mail(
        name=name,
        number=number,
        subject=str(message.get("Subject", "")),
        sender=str(message.get("From", "")),
        to=str(message.get("To", "")),
        at=_moment(str(message.get("Date", ""))),
        text=body.get_content() if body else "",
    )


def _moment(date: str) -> datetime | None:
    """The moment of a Date header; one without a zone is in UTC."""
    if not date:
        return None
    found = parsedate_to_datetime(date)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
