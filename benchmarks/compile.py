"""Compiling documents: 500 nodes, 5,000 nodes and their ratio, a hostile document, one condition; processor time.

python -m benchmarks.compile      ends with 1 when a target is missed
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.figures import Figure, publish
from procedures.ckp.compile import Compiled, compile_document
from procedures.ckp.expressions import Scope, compile_condition

ROUNDS = 5
SMALL, LARGE = 500, 5_000
SMALL_SECONDS, LARGE_SECONDS, MOST_TIMES = 0.5, 6.0, 12.0
HOSTILE_BYTES, HOSTILE_SECONDS = 2**20, 1.0
EVALUATIONS, CONDITION_MICROSECONDS = 20_000, 50.0
CONDITION = "status == 'ready' and amount > limit and (region in regions or amount * 1.19 >= 5000)"
VARIABLES = {"status": "ready", "amount": 4200, "limit": 1000, "region": "north", "regions": ["south", "west"]}


def document(nodes: int) -> dict[str, Any]:
    """A chain of so many nodes without errors: steps of an agent, calculations, and choices among the next two."""
    graph: dict[str, Any] = {"end": {"type": "terminate"}}
    for number in range(nodes - 1):
        after = [f"n{number + step}" if number + step < nodes - 1 else "end" for step in (1, 2)]
        graph[f"n{number}"] = _node(number, *after)
    schema = {"amount": {"type": "number", "required": True}, "who": {"type": "string", "default": "all"}}
    return {
        "procedure_id": "large",
        "version": "1.0.0",
        "variables_schema": schema,
        "workflow_graph": {"start_node": "n0", "nodes": graph},
    }


def _node(number: int, following: str, second: str) -> dict[str, Any]:
    if number % 3 == 0:
        text = f"{{{{ who }}}} at {number}: {{{{ amount|round(2) }}}}"
        step = {"step_id": "say", "action": "send_text", "text": text, "timeout_ms": 1000}
        return {"type": "sequence", "agent": "PHONE", "steps": [step], "next_node": following}
    if number % 3 == 1:
        operation = {"action": "calculate", "expression": f"amount * {number}", "output_variable": f"total_{number}"}
        return {"type": "processing", "operations": [operation], "next_node": following}
    rules = [{"condition": f"amount > {number} and who != 'nobody'", "next_node": second}]
    return {"type": "logic", "rules": rules, "default_next_node": following}


def hostile() -> str:
    """A text of one MiB, a document that is wrong in as many ways as fit in."""
    rule = {"condition": "((((a.b.c + 1) > nothing)))", "next_node": "nowhere", "condtion": 1}
    node = {"type": "logic", "rules": [rule] * 3, "default_next_node": "gone", "retries": {"max": 1}}
    nodes: dict[str, Any] = {}
    size = 0
    length = len(json.dumps(node)) + 12
    while size < HOSTILE_BYTES:
        nodes[f"x{len(nodes)}"] = node
        size += length
    return json.dumps({"procedure_id": "bad", "version": "1", "workflow_graph": {"start_node": "x0", "nodes": nodes}})


def fastest(work: Callable[[], object], *, collecting: bool = True) -> float:
    """Processor seconds of the fastest of some rounds: what other work on the machine disturbs least.

    Without `collecting` the garbage collector rests: its share depends on what else a process holds.
    """
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        if not collecting:
            gc.disable()
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
        gc.enable()
    return min(times)


def compiling(nodes: int) -> Callable[[], object]:
    """Work that compiles so many nodes. Raises AssertionError when the document is not without errors."""
    text = json.dumps(document(nodes), indent=1)
    compiled: Compiled = compile_document(text)
    assert compiled.ok, compiled.errors[:3]
    return lambda: compile_document(text)


def condition() -> float:
    """Microseconds to decide a typical condition that was compiled before."""
    compiled, scope = compile_condition(CONDITION), Scope(VARIABLES)

    def decide() -> None:
        for _ in range(EVALUATIONS):
            compiled.test(scope)

    return fastest(decide) / EVALUATIONS * 1_000_000


def main() -> bool:
    """Measure, print one line per figure, and say whether every target was met."""
    small, large = compiling(SMALL), compiling(LARGE)
    growth = fastest(large, collecting=False) / fastest(small, collecting=False)
    text = hostile()
    assert not compile_document(text).ok
    refused = fastest(lambda: compile_document(text))
    rows = [
        (f"compile {SMALL:,} nodes", fastest(small), "s", SMALL_SECONDS),
        (f"compile {LARGE:,} nodes", fastest(large), "s", LARGE_SECONDS),
        (f"{LARGE // SMALL} times the nodes, collector at rest", growth, "times", MOST_TIMES),
        (f"refuse a hostile {len(text) / 2**20:.1f} MiB", refused, "s", HOSTILE_SECONDS),
        ("decide a condition", condition(), "µs", CONDITION_MICROSECONDS),
    ]
    return publish(Figure("P7", *row) for row in rows)


if __name__ == "__main__":
    sys.exit(not main())
