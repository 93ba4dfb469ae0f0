"""Files of artifacts in Django's storage, through nothing but its interface; so every backend of it fits."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from uuid import UUID

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

log = structlog.get_logger(__name__)


class StorageFault(Exception):
    """The storage did not do what it was asked to: it is full, or cannot be reached."""


def place(tenant_id: UUID, run_id: UUID, artifact_id: UUID, name: str) -> str:
    """Where a file belongs; `name` is a safe one."""
    return f"{tenant_id}/{run_id}/{artifact_id}/{name}"


def save(name: str, content: bytes) -> str:
    """Store a file; the name it got. Raises `StorageFault`, and leaves no part of it."""
    try:
        return default_storage.save(name, ContentFile(content))
    except OSError as error:
        remove([name])
        raise StorageFault(error.strerror or str(error)) from error


def read(name: str) -> BinaryIO:
    """An open file. Raises `FileNotFoundError`, `StorageFault`."""
    with _faults():
        return cast(BinaryIO, default_storage.open(name))


def head(name: str, most: int) -> bytes:
    """The first bytes of a file, at most so many. Raises `FileNotFoundError`, `StorageFault`."""
    with _faults(), default_storage.open(name) as file:
        content: bytes = file.read(most)
    return content


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageFault(error.strerror or str(error)) from error


def remove(names: Iterable[str]) -> int:
    """Remove files and the folders they leave empty; how many files. One that cannot be removed is swept later."""
    removed = 0
    for name in names:
        try:
            default_storage.delete(name)
        except OSError as error:
            log.warning("file_not_removed", file=name, error=str(error))
            continue
        removed += 1
        _remove_empty(name.rpartition("/")[0])
    return removed


def _remove_empty(folder: str) -> None:
    """Remove a folder and those above it as long as they are empty; an object store has none."""
    try:
        while folder and default_storage.exists(folder) and not any(default_storage.listdir(folder)):
            default_storage.delete(folder)
            folder = folder.rpartition("/")[0]
    except OSError as error:
        log.info("folder_not_removed", folder=folder, error=str(error))
