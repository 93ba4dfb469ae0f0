"""Where the parts work: settings are read once, so each database is measured in a process of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/9"
SERVICES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")
IN_MEMORY = "benchmarks.visits"
ROOT = Path(__file__).resolve().parent.parent


def environment(database: str) -> dict[str, str]:
    """The environment that leads to `sqlite`, or to `postgres` at DATABASE_URL and REDIS_URL (default: local)."""
    kept = {name: value for name, value in os.environ.items() if name not in SERVICES}
    kept |= {"ENVIRONMENT": "test", "LOG_LEVEL": "ERROR", "LANGSMITH_TRACING": "false"}
    if database == "sqlite":
        return kept
    named = {"DATABASE_URL": POSTGRES, "REDIS_URL": REDIS}
    return kept | {name: os.environ.get(name, value) for name, value in named.items()}


def part(module: str, database: str, *arguments: str) -> bool:
    """Run a part in a process of its own; whether it ended well."""
    memory = "/dev/shm" if module == IN_MEMORY and Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory, ignore_cleanup_errors=True) as made:
        command = [sys.executable, "-m", module, database, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment(database) | {"VAR_DIR": made}, check=False)
    return done.returncode == 0
