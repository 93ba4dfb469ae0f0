"""loop: its body once per element, or while a condition holds (runtime 7)."""

import json
import re
from dataclasses import dataclass, field
from typing import Final

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Done, Error, Fail, Json, Outcome, RegionEnd, StepFailed, Wait
from procedures.ckp.document import LoopNode

MOST_ITERATIONS: Final = 10_000
ITEM_CHARACTERS: Final = 256
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_]")


@dataclass(slots=True)
class _Loop:
    """A loop while it runs. `items` is none for a loop without iterator."""

    node: LoopNode
    ctx: Context
    items: list[Json] | None
    index: int = 0
    done: int = 0
    collected: list[Json] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)
    assumed: bool = False

    @property
    def capped(self) -> bool:
        """Whether only `max_iterations` ends the loop here."""
        return self.index == self.node.max_iterations

    def bound(self) -> dict[str, Json]:
        """The names that only the iteration sees."""
        return bound_names(self.node, self.items, self.index)


def bound_names(node: LoopNode, items: list[Json] | None, index: int) -> dict[str, Json]:
    """The names that an iteration of a loop sees; `items` is none for a loop without iterator."""
    names: dict[str | None, Json] = {node.index_variable: index}
    if items is not None:
        names[node.iterator_variable] = items[index]
    return {name: value for name, value in names.items() if name is not None}


def execute(node: LoopNode, ctx: Context) -> Outcome:
    """Drive iterations until the list, a condition or a limit ends them, or one leaves, waits or fails."""
    loop = _Loop(node, ctx, _items(node, ctx), assumed=ctx.assumes("iterator"))
    most = min(MOST_ITERATIONS, ctx.most_iterations)
    while _goes_on(loop):
        if loop.capped:
            return _finish(loop, capped=True)
        if loop.index >= most:
            return Fail(Error("loop_limit", f"The loop has more than {most} iterations."))
        bound = loop.bound()
        _tell(loop)
        end = ctx.iteration(loop.index, node.body_node, bound)
        if (outcome := _after(loop, end, bound)) is not None:
            return outcome
        loop.index += 1
    return _finish(loop, capped=False)


def _items(node: LoopNode, ctx: Context) -> list[Json] | None:
    if node.iterator is None:
        return None
    if "items" in ctx.facts:
        return list(ctx.facts["items"])
    if ctx.assumes("iterator"):
        return [{"dry_run": True, "binding": "assumed"}]
    items = ctx.expression(node.iterator, "iterator")
    if not isinstance(items, list):
        raise StepFailed(Error("not_a_list", f"{node.iterator} is not a list."))
    ctx.keep({"items": items})
    return items


def _goes_on(loop: _Loop) -> bool:
    node = loop.node
    if loop.items is not None and loop.index >= len(loop.items):
        return False
    if node.continue_condition is None or loop.ctx.begun(loop.index):
        return True
    if loop.ctx.assumes("continue_condition"):
        loop.assumed = True
        return loop.index == 0
    return loop.ctx.condition(node.continue_condition, "continue_condition", local=loop.bound())


def _tell(loop: _Loop) -> None:
    if loop.ctx.begun(loop.index):
        return
    total = None if loop.items is None else len(loop.items)
    item = None if loop.items is None else _shown(loop, loop.items[loop.index])
    loop.ctx.emit("loop_iteration", {"iteration": loop.index, "total": total, "item": item})


def _shown(loop: _Loop, item: Json) -> str:
    return json.dumps(loop.ctx.masked(loop.node.iterator_variable, item), ensure_ascii=False)[:ITEM_CHARACTERS]


def _after(loop: _Loop, end: RegionEnd, bound: dict[str, Json]) -> Outcome | None:
    """What follows an iteration for the loop; none when the next one may begin."""
    if end.kind == "parked":
        return Wait()
    if end.end is not None:
        return end.end
    if end.error is not None and not loop.node.continue_on_error:
        return Fail(end.error)
    loop.done += 1
    inside = {**bound, **{name: value for name, value in end.changes.items() if name in bound}}
    for name, value in end.kept.items():
        if name not in bound:
            loop.ctx.write(name, value)
    if end.error is not None:
        item = None if loop.items is None else loop.items[loop.index]
        loop.errors.append({"index": loop.index, "item": item, "error": end.error.as_json()})
    _collect(loop, end, inside)
    if end.kind == "left":
        return _finish(loop, capped=False)
    return _finish(loop, capped=False) if _is_over(loop, inside) else None


def _is_over(loop: _Loop, inside: dict[str, Json]) -> bool:
    """Whether `until` ends the loop; a dry run that cannot know it ends there."""
    if loop.node.until is None:
        return False
    if loop.ctx.assumes("until"):
        loop.assumed = True
        return True
    return loop.ctx.condition(loop.node.until, "until", local=inside)


def _collect(loop: _Loop, end: RegionEnd, inside: dict[str, Json]) -> None:
    node = loop.node
    if node.collect_variable is None:
        return
    if node.collect is None:
        loop.collected.append(_record(loop, end))
    elif end.error is None:
        loop.collected.append(loop.ctx.expression(node.collect, "collect", local=inside))


def _record(loop: _Loop, end: RegionEnd) -> dict[str, Json]:
    item = None if loop.items is None else loop.items[loop.index]
    status = "completed" if end.error is None else "failed"
    error = None if end.error is None else end.error.as_json()
    about = {"item": item, "index": loop.index, "status": status, "error": error}
    return {**(item if isinstance(item, dict) else {}), **end.shown, **about}


def _finish(loop: _Loop, *, capped: bool) -> Outcome:
    if loop.node.collect_variable is not None:
        loop.ctx.write(loop.node.collect_variable, loop.collected)
    if loop.node.continue_on_error:
        loop.ctx.write(f"{_NOT_IN_NAMES.sub('_', loop.ctx.node_id)}_errors", loop.errors)
    told: dict[str, Json] = {"iterations": loop.done, "errors": len(loop.errors), "capped": capped}
    loop.ctx.emit("loop_completed", told | ({"assumed": True} if loop.assumed else {}))
    return Done()
