"""Fixtures for tests of what is stored: an object store, and a bucket in it where artifacts are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from langorch.settings import stores
from tests import buckets
from tests.buckets import Bucket, Elsewhere


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The address of an object store that speaks S3."""
    with buckets.store() as address:
        yield address


@pytest.fixture
def bucket(object_store: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bucket:
    """An empty bucket, in which artifacts are kept as if ARTIFACTS_URL said so."""
    made = buckets.make(object_store)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    settings.ENV = settings.ENV.model_copy(update={"ARTIFACTS_URL": made.url})
    settings.STORAGES = {**settings.STORAGES, "default": stores.backend(made.url, tmp_path)}
    return made


@pytest.fixture
def elsewhere(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """`elsewhere(address)` looks for the bucket at another store from now on."""

    def look(endpoint: str) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        settings.STORAGES = dict(settings.STORAGES)

    return look
