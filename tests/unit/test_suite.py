"""The command that runs the tests: its parts, and what it says where the services are away."""

import os
import subprocess
import sys

import pytest

from tests import suite
from tests.processes import ROOT

AWAY = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}


def test_every_test_is_in_one_part() -> None:
    assert suite.PARTS["computing"] == [f"--ignore={folder}" for folder in suite.PARTS["waiting"]]
    assert all((ROOT / folder).is_dir() for folder in suite.PARTS["waiting"])


@pytest.mark.parametrize(
    ("redis", "other"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/8"),
        ("redis://:key@redis:6380/11", "redis://:key@redis:6380/3"),
        ("redis://redis", "redis://redis/8"),
    ],
)
def test_the_parts_do_not_share_a_number_of_redis(redis: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", redis)
    assert suite.surroundings("computing")["REDIS_URL"] == redis
    assert suite.surroundings("waiting")["REDIS_URL"] == other


@pytest.mark.parametrize("part", suite.PARTS)
def test_nothing_runs_without_its_services(part: str) -> None:
    env = {**os.environ, **AWAY, "ENVIRONMENT": "test"}
    command = [sys.executable, "-m", "tests.suite", "not browser", part]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode != 0
    assert f"the services for the part {part} of the tests do not answer" in ended.stderr
    assert "passed" not in ended.stdout
