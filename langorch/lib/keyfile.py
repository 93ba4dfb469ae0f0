"""A key that is made once and kept in a file only its owner can read."""

import os
from pathlib import Path

from langorch.lib import ids


def read_or_make(path: Path) -> str:
    """The key in `path`; when there is none yet, a new one. Safe when several processes start at once."""
    if not path.exists():
        _make(path)
    return path.read_text(encoding="ascii")


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(ids.token(64))
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
