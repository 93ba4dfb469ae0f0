"""Functions over lists and objects. A null subject gives null."""

from collections.abc import Callable, Iterator
from heapq import merge
from typing import Final, TypeVar

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import MISSING, Evaluation, Value
from procedures.ckp.expressions.functions.base import Catalogue
from procedures.ckp.expressions.functions.numbers import checked_path
from procedures.ckp.expressions.operators import COMPARISONS, is_empty, list_of, text_of
from procedures.ckp.expressions.paths import follow, read_path
from procedures.ckp.names import nearest
from procedures.ckp.values import exact, kind_of

LISTS: Final = Catalogue()

_T = TypeVar("_T")
_CHUNK: Final = 2_048
_KIND_ORDER: Final = {"boolean": 0, "number": 1, "text": 2, "list": 3, "object": 4, "null": 5}
_SELECT_TESTS: Final = {
    "==": "eq", "!=": "ne", ">": "gt", ">=": "gteq", "<": "lt", "<=": "lteq", "in": "in", "contains": "contains",
}  # fmt: skip


@LISTS("first")
def first(ev: Evaluation, values: Value) -> Value:
    """The first element; null of nothing."""
    return values[0] if values is not None and list_of(values) else None


@LISTS("last")
def last(ev: Evaluation, values: Value) -> Value:
    """The last element; null of nothing."""
    return values[-1] if values is not None and list_of(values) else None


@LISTS("reverse")
def reverse(ev: Evaluation, values: Value) -> Value:
    """The elements, or the characters of a text, from the end."""
    if values is None:
        return None
    if isinstance(values, str):
        ev.make_text(len(values))
    else:
        ev.make_elements(len(list_of(values)))
    return values[::-1]


def sort_key(ev: Evaluation, value: Value) -> tuple[Value, ...]:
    """Key that orders any two values: by kind, then by value; null is last."""
    kind = kind_of(value)
    rank = _KIND_ORDER[kind]
    if kind == "number":
        return (rank, exact(value))
    if kind in ("list", "object"):
        return (rank, ev.json_text(value, sort_keys=True))
    return (rank, value) if kind != "null" else (rank,)


def in_order(ev: Evaluation, values: list[_T], key: Callable[[_T], Value], *, descending: bool = False) -> list[_T]:
    """Stable sort in counted pieces, so that its limits hold."""
    ev.make_elements(len(values) * 4)
    chunks: list[list[tuple[Value, _T]]] = []
    for chunk in _chunks(values):
        keyed = [(key(value), value) for value in chunk]
        ev.charge_elements(len(chunk) * 8)
        chunks.append(sorted(keyed, key=lambda pair: pair[0], reverse=descending))
    if len(chunks) == 1:
        return [value for _, value in chunks[0]]
    merged = merge(*chunks, key=lambda pair: pair[0], reverse=descending)
    return [value for _, value in ev.each(merged)]


def _chunks(values: list[_T]) -> Iterator[list[_T]]:
    for start in range(0, max(len(values), 1), _CHUNK):
        yield values[start : start + _CHUNK]


@LISTS("sort", checks={"attribute": checked_path})
def sort(ev: Evaluation, values: Value, attribute: Value = None, reverse: Value = False) -> Value:
    """The elements in order, of their own or of an attribute; null last."""
    if values is None:
        return None
    path = _path(attribute)
    pairs = [(_part(value, path), value) for value in ev.each(list_of(values))]
    present = [pair for pair in pairs if pair[0] is not None]
    ordered = in_order(ev, present, lambda pair: sort_key(ev, pair[0]), descending=ev.truth(reverse))
    return [value for _, value in ordered] + [value for part, value in pairs if part is None]


def _path(attribute: Value) -> tuple[str | int, ...]:
    return () if attribute is None else read_path(text_of(attribute))


def _part(value: Value, path: tuple[str | int, ...]) -> Value:
    found = follow(value, path)
    return None if found is MISSING else found


def identity(ev: Evaluation, value: Value) -> Value:
    """Something hashable that is equal for equal values."""
    kind = kind_of(value)
    if kind == "number":
        return (kind, exact(value))
    return (kind, ev.json_text(value, sort_keys=True) if kind in ("list", "object") else value)


@LISTS("unique", checks={"attribute": checked_path})
def unique(ev: Evaluation, values: Value, attribute: Value = None) -> Value:
    """The first of each group of equal elements."""
    if values is None:
        return None
    elements, path = list_of(values), _path(attribute)
    ev.make_elements(len(elements) * 6)
    kept: dict[Value, Value] = {}
    for value in ev.each(elements):
        kept.setdefault(identity(ev, _part(value, path)), value)
    return list(kept.values())


@LISTS("flatten")
def flatten(ev: Evaluation, values: Value) -> Value:
    """The elements of the lists inside, one level deep."""
    if values is None:
        return None
    flat: list[Value] = []
    for value in ev.each(list_of(values)):
        elements = value if isinstance(value, list) else [value]
        ev.make_elements(len(elements))
        flat += elements
    return flat


@LISTS("map", checks={"attribute": checked_path})
def mapped(ev: Evaluation, values: Value, attribute: Value) -> Value:
    """The attribute of each element; null where there is none."""
    if values is None:
        return None
    elements, path = list_of(values), read_path(text_of(attribute))
    ev.make_elements(len(elements))
    return [_part(value, path) for value in ev.each(elements)]


def checked_test(value: Value) -> None:
    """Refuse a literal that is no test of selectattr."""
    _test(value)


@LISTS("selectattr", checks={"path": checked_path, "test": checked_test})
def selectattr(ev: Evaluation, values: Value, path: Value, test: Value = None, value: Value = None) -> Value:
    """The elements whose attribute passes the test; without a test, whose attribute is true."""
    return _selected(ev, values, path, (test, value), keep=True)


@LISTS("rejectattr", checks={"path": checked_path, "test": checked_test})
def rejectattr(ev: Evaluation, values: Value, path: Value, test: Value = None, value: Value = None) -> Value:
    """The elements whose attribute does not pass the test."""
    return _selected(ev, values, path, (test, value), keep=False)


def _selected(ev: Evaluation, values: Value, path: Value, test: tuple[Value, Value], *, keep: bool) -> Value:
    if values is None:
        return None
    elements, parts = list_of(values), read_path(text_of(path))
    passes = _test(test[0])
    ev.make_elements(len(elements))
    return [value for value in ev.each(elements) if passes(ev, follow(value, parts), test[1]) == keep]


def _test(name: Value) -> Callable[[Evaluation, Value, Value], bool]:
    if name is None:
        return lambda ev, found, _: ev.truth(None if found is MISSING else found)
    if name == "defined":
        return lambda ev, found, _: found is not MISSING
    if name == "none":
        return lambda ev, found, _: found is MISSING or found is None
    if name not in _SELECT_TESTS if isinstance(name, str) else True:
        raise EvaluationError("argument", f"There is no test “{name}”; {_test_hint(name)}.")
    compare = COMPARISONS[_SELECT_TESTS[name]]
    return lambda ev, found, value: compare(ev, None if found is MISSING else found, value)


def _test_hint(name: Value) -> str:
    known = [*_SELECT_TESTS, "defined", "none"]
    near = nearest(name, known) if isinstance(name, str) else None
    return f"did you mean `{near}`" if near else f"tests are {', '.join(known)}"


@LISTS("keys")
def keys(ev: Evaluation, value: Value) -> Value:
    """The keys of an object, in stored order."""
    return None if value is None else list(_object(ev, value))


@LISTS("values")
def values_of(ev: Evaluation, value: Value) -> Value:
    """The values of an object, in stored order."""
    return None if value is None else list(_object(ev, value).values())


@LISTS("items")
def items(ev: Evaluation, value: Value) -> Value:
    """Pairs of key and value of an object, in stored order."""
    if value is None:
        return None
    ev.make_elements(5 * len(_object(ev, value)))
    return [[key, member] for key, member in value.items()]


def _object(ev: Evaluation, value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise EvaluationError("type", f"An object is needed, not {kind_of(value)}.")
    ev.make_elements(len(value))
    return value


@LISTS("is_empty", guarded=True)
def is_empty_function(ev: Evaluation, value: Value) -> Value:
    """As the operator `is_empty`."""
    return is_empty(value)


@LISTS("is_not_empty", guarded=True)
def is_not_empty_function(ev: Evaluation, value: Value) -> Value:
    """As the operator `is_not_empty`."""
    return not is_empty(value)
