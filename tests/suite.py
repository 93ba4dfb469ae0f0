"""The tests as two parts side by side: those that mostly wait for processes and threads, and all the others.

python -m tests.suite "not browser"              both parts, of this selection by marks
python -m tests.suite "not browser" waiting      one part

Each part is a pytest of its own with a test database of its own, and with services it has its own number of Redis.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final
from urllib.parse import urlsplit

from tests.processes import ROOT

FOLDERS: Final = ("tests/chaos", "tests/e2e", "tests/races")
PARTS: Final = {"computing": [f"--ignore={folder}" for folder in FOLDERS], "waiting": list(FOLDERS)}
REDIS_NUMBERS: Final = 16
"""How many databases a Redis has unless somebody configures another number."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part that runs; what it says goes to `said`, or straight out where there is none."""

    name: str
    process: "subprocess.Popen[bytes]"
    said: IO[bytes] | None

    def ended(self) -> int:
        """Wait for its end and repeat what it said; its exit status."""
        status = self.process.wait()
        if self.said is not None:
            print(f"\n== tests, part {self.name}", flush=True)  # noqa: T201 - a command says what happened
            self.said.seek(0)
            shutil.copyfileobj(self.said, sys.stdout.buffer)
            sys.stdout.flush()
        return status


def surroundings(part: str) -> dict[str, str]:
    """The environment of a part."""
    env = {**os.environ, "TEST_PART": part}
    if part == "waiting" and (redis := env.get("REDIS_URL")):
        env["REDIS_URL"] = far_from(redis)
    return env


def far_from(redis: str) -> str:
    """The address of another database of the same Redis: half of them further."""
    address = urlsplit(redis)
    number = int(address.path.strip("/") or 0)
    return address._replace(path=f"/{(number + REDIS_NUMBERS // 2) % REDIS_NUMBERS}").geturl()


def require_services(env: dict[str, str]) -> None:
    """End with what `manage.py doctor` says unless database and broker of a part answer."""
    command = [sys.executable, "manage.py", "doctor", "--only", "database,broker"]
    if subprocess.run(command, cwd=ROOT, env=env, check=False).returncode:
        sys.exit(f"the services for the part {env['TEST_PART']} of the tests do not answer")


@contextmanager
def started(part: str, marks: str, said: IO[bytes] | None) -> Iterator[Part]:
    """A part at work; it is ended with the block."""
    env = surroundings(part)
    command = [sys.executable, "-m", "pytest", "-m", marks, *PARTS[part]]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=said and subprocess.STDOUT)
    try:
        yield Part(part, process, said)
    finally:
        process.terminate()
        process.wait()


def main() -> bool:
    """Run what is asked for; whether all of it passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.suite")
    parser.add_argument("marks", help="which tests, as for pytest's -m")
    parser.add_argument("part", nargs="?", choices=list(PARTS), help="both when it is left out")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    parts = [asked.part] if asked.part else list(PARTS)
    if "DATABASE_URL" in os.environ:
        for part in parts:
            require_services(surroundings(part))
    with ExitStack() as stack:
        aside = [stack.enter_context(TemporaryFile()) for _ in parts[1:]]
        running = [
            stack.enter_context(started(part, asked.marks, said))
            for part, said in zip(parts, [None, *aside], strict=True)
        ]
        statuses = [part.ended() for part in running]
    return not any(statuses)


if __name__ == "__main__":
    sys.exit(not main())
