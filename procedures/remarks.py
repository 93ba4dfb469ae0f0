"""Problems that only somebody with the database at hand can see, placed in the text like the compiler's own."""

from procedures.ckp.positions import Lines, places
from procedures.ckp.problems import CATALOGUE, Problem


def remark(text: str, code: str, pointer: str, message: str, hint: str | None = None) -> Problem:
    """A problem of the catalogue at `pointer` of a JSON text; at its root when nothing stands there."""
    line, column = Lines(text).place(places(text, {pointer}).get(pointer, 0))
    return Problem(code, CATALOGUE[code].severity, pointer, line, column, message, hint)
