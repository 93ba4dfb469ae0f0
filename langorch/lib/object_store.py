"""Files in an object store that speaks S3; what goes wrong there is an `OSError`, as with files on a disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

NO_FILE: Final = frozenset({"NoSuchKey", "404"})
CONFIG: Final = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
"""A page that shows a file waits no longer than its reader would."""


class StoreFault(OSError):
    """The store refused, or did not answer. The text holds neither address nor key."""


class ObjectStore(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """The storage of django-storages with errors of one kind, and files that are read while they arrive."""

    def get_default_settings(self) -> dict[str, Any]:
        return {**super().get_default_settings(), "client_config": CONFIG}

    @property
    def connection(self) -> Any:
        try:
            return super().connection
        except ValueError:
            raise StoreFault("AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is not an address") from None

    def exists(self, name: str) -> bool:
        with _faults():
            return bool(super().exists(name))

    def delete(self, name: str) -> None:
        with _faults():
            super().delete(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with _faults():
            folders, files = super().listdir(path)
        return folders, files

    def get_modified_time(self, name: str) -> datetime:
        with _faults():
            found: datetime = super().get_modified_time(name)
        return found

    def _save(self, name: str, content: Any) -> str:
        with _faults():
            return str(super()._save(name, content))

    def _open(self, name: str, mode: str = "rb") -> "Arriving":
        with _faults():
            body = self.bucket.Object(self._normalize_name(name)).get()["Body"]
        return Arriving(body, name)


class Arriving(File):  # type: ignore[type-arg]  # generic in the stubs only
    """A file that is read as it comes in, once and from its beginning."""

    def __init__(self, body: Any, name: str) -> None:
        super().__init__(body, name)
        self._body = body

    def read(self, size: int = -1) -> bytes:
        """As many bytes as that. Fewer only at the end, which the library checks when it is read over."""
        content = bytearray()
        with _faults():
            while (left := size - len(content)) and (part := self._body.read(None if size < 0 else left)):
                content += part
        return bytes(content)


@contextmanager
def _faults() -> Iterator[None]:
    """Turn the errors of the library into `FileNotFoundError` and `StoreFault`."""
    try:
        yield
    except ClientError as error:
        raise _refusal(error) from None
    except (BotoCoreError, Boto3Error) as error:
        raise StoreFault(f"the object store cannot be used: {type(error).__name__}") from None


def _refusal(error: ClientError) -> OSError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in NO_FILE:
        return FileNotFoundError("the object store has no such file")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return StoreFault(f"the object store refused {error.operation_name}: {code} (HTTP {status})")
