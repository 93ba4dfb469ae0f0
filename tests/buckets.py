"""An object store on this machine for tests, and what is kept in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from langorch.lib import ids

Elsewhere = Callable[[str], None]
KEY_ID, KEY, TOKEN = "AKIALOUDDRUMS", "seven-loud-drums", "eight-quiet-flutes"


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own under a prefix, its URL as a setting, and the environment of who may use it."""

    name: str
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"s3://{self.name}/kept"

    @property
    def keys(self) -> list[str]:
        """The names of all that is in it."""
        return [one.key for one in _resource(self.environment["AWS_ENDPOINT_URL_S3"]).Bucket(self.name).objects.all()]


def environment(endpoint: str) -> dict[str, str]:
    """The environment that leads to a store and its keys."""
    return {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_SESSION_TOKEN": TOKEN,
    }


@contextmanager
def store() -> Iterator[str]:
    """A store that speaks S3; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make(endpoint: str) -> Bucket:
    """A new, empty bucket."""
    name = f"bucket-{ids.uuid7()}"
    _resource(endpoint).create_bucket(Bucket=name)
    return Bucket(name, environment(endpoint))


def _resource(endpoint: str) -> Any:
    return boto3.resource(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=KEY,
    )
