"""Where the files of artifacts are kept: a folder, or what ARTIFACTS_URL names."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

LIBRARIES: Final = {"storages": "django-storages", "boto3": "boto3"}
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")


def backend(url: str, folder: Path) -> dict[str, Any]:
    """The entry of Django's STORAGES for a URL that `read` took, or for a folder when there is none."""
    if not url:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder}}
    bucket, prefix = read(url)
    options = {"bucket_name": bucket, "location": prefix}
    return {"BACKEND": "langorch.lib.object_store.ObjectStore", "OPTIONS": options}


def read(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`. Raises `ValueError`, which repeats nothing that may be a key."""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        raise ValueError("the storages for artifacts are s3://bucket and s3://bucket/prefix")
    if "@" in parts.netloc:
        raise ValueError("keys do not belong here, but into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if not _BUCKET.fullmatch(parts.netloc):
        raise ValueError("s3:// is followed by the name of a bucket: 3 to 63 of a-z, 0-9, - and .")
    if parts.query or parts.fragment or not _PREFIX.fullmatch(parts.path):
        raise ValueError("after the bucket comes at most a prefix: names of letters, digits, -, _ and . between /")
    if missing := [name for module, name in LIBRARIES.items() if find_spec(module) is None]:
        raise ValueError(f"{' and '.join(missing)} must be installed for s3: pip install -r requirements/s3.txt")
    return parts.netloc, parts.path.strip("/")
