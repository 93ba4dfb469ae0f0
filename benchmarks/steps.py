"""Milliseconds per durable step: ours beside raw LangGraph with its official saver, on the same database.

python -m benchmarks.steps            SQLite, and PostgreSQL at DATABASE_URL (default: the local one)
python -m benchmarks.steps sqlite     one of them
"""

import os
import subprocess
import sys
import tempfile

POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/9"


def main(databases: list[str]) -> None:
    """Measure each database in a process of its own, because settings are read once."""
    for database in databases:
        with tempfile.TemporaryDirectory() as folder:
            environment = _environment(database) | {"VAR_DIR": folder, "ENVIRONMENT": "test", "LOG_LEVEL": "ERROR"}
            subprocess.run([sys.executable, "-m", "benchmarks.measure", database], env=environment, check=True)


def _environment(database: str) -> dict[str, str]:
    services = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")
    kept = {name: value for name, value in os.environ.items() if name not in services}
    if database == "sqlite":
        return kept
    named = {"DATABASE_URL": POSTGRES, "REDIS_URL": REDIS}
    return kept | {name: os.environ.get(name, value) for name, value in named.items()}


if __name__ == "__main__":
    main(sys.argv[1:] or ["sqlite", "postgres"])
