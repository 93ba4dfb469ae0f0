"""What a process tells the person who started it."""

import sys


def say(line: str) -> None:
    """Write `line` at once, also into a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
