"""Moves and replaces parts of a tree, reports each replacement, and remembers where the parts stood."""

from decimal import Decimal
from typing import Any

from procedures.ckp.registry import Registry
from procedures.ckp.report import Path, Report
from procedures.ckp.values import Number, canonical_json, read_number

Members = dict[str, Any]


class Rewriter:
    """Rewrites the objects of one tree in place. Paths are those of the canonical tree, `text` is what was imported."""

    def __init__(self, report: Report, registry: Registry, text: str) -> None:
        self.report = report
        self.registry = registry
        self.text = text
        self.origins: dict[Path, Path] = {}
        self.covered: frozenset[str] = frozenset()
        """Keys of the dialect that was reported as a whole."""

    def source(self, path: Path) -> Path:
        """The place in the imported text of a place in the canonical tree."""
        for length in range(len(path), 0, -1):
            origin = self.origins.get(path[:length])
            if origin is not None:
                return origin + path[length:]
        return path

    def move(self, path: Path, origin: Path) -> None:
        """Remembers that what stands at `path` was at `origin`, a place of the canonical tree before the move."""
        self.origins[path] = self.source(origin)

    def replaced(self, path: Path, old: Any, new: Any, *, code: str = "CKP602", why: str = "") -> None:
        """Reports a replacement."""
        self.report(code, path, f"'{old}' was read as '{new}'{'. ' + why if why else ''}.".replace("..", "."))

    def rename(self, members: Members, path: Path, alias: str, name: str, *, code: str = "CKP602") -> bool:
        """Gives a key its canonical name; False when it is not there."""
        if alias not in members:
            return False
        value = members.pop(alias)
        self.put(members, path, alias, name, value, code=code)
        return True

    def put(self, members: Members, path: Path, alias: str, name: str, value: Any, *, code: str = "CKP602") -> None:
        """Sets a key from an alias that was taken out; two different values are reported."""
        place = (*path, name)
        if name in members:
            if canonical_json(members[name]) != canonical_json(value):
                message = f"'{alias}' and '{name}' mean the same and have different values."
                self.report("CKP604", (*path, alias), message, hint=f"Keep '{name}'.")
            elif alias not in self.covered:
                self.replaced((*path, alias), alias, name, code=code)
            return
        members[name] = value
        self.move(place, (*path, alias))
        if alias not in self.covered:
            self.replaced(place, alias, name, code=code)

    def rename_any(self, members: Members, path: Path, aliases: tuple[str, ...], name: str) -> None:
        """Gives each of several keys one canonical name."""
        for alias in aliases:
            self.rename(members, path, alias, name)

    def take_number(self, members: Members, path: Path, alias: str) -> float | Number | None:
        """Takes out the number of an alias that counts in another unit, from a text too; reports what is none."""
        given = members.pop(alias, None)
        number = read_number(given.strip()) if isinstance(given, str) else given
        if number is None and given is None:
            return None
        if isinstance(number, int | float | Decimal) and not isinstance(number, bool):
            return number
        self.report("CKP012", (*path, alias), f"'{alias}' must be a number.")
        return None

    def respell(
        self, members: Members, path: Path, name: str, spellings: dict[str, str], *, code: str = "CKP602"
    ) -> None:
        """Replaces the spelling of a value."""
        old = members.get(name)
        new = spellings.get(old) if isinstance(old, str) else None
        if new is not None:
            members[name] = new
            self.replaced((*path, name), old, new, code=code)
