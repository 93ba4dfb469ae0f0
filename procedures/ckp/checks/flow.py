"""Variables at the places where they are read (CKP301 to CKP305)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from procedures.ckp.checks.missing import MissingRoutes
from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import LoopNode, Node
from procedures.ckp.expressions import Read
from procedures.ckp.flow import ERROR, Flow, State, after, inner_state
from procedures.ckp.names import BUILT_INS, CONSTANT_WORDS, Nearest
from procedures.ckp.programs import Program, bound_names
from procedures.ckp.report import Path
from procedures.ckp.shapes import known_shapes, missing_key
from procedures.ckp.uses import Use

LOCAL_NAMES: Final = {
    "item": frozenset({"item", "index"}),
    "fold": frozenset({"item", "index", "acc"}),
    "value": frozenset({"value"}),
}
AT_START: Final = frozenset({"today", "now", "run_id", "procedure_id", "procedure_version", "trigger"})
_ALWAYS: Final = BUILT_INS - {ERROR, "compensates"}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A read of a variable that is not defined on every path. `never`: it is on none. `route` shows one path.

    `plain`: the text is the name and nothing else, so it might have been meant as text.
    """

    name: str
    path: Path
    read: Read
    never: bool
    route: tuple[str, ...] = ()
    plain: bool = False


def reads_in_context(subject: Subject) -> Iterator[tuple[Use, State, bool]]:
    """Every use in a node that can be reached, with the state it sees and whether it stands in a compensation."""
    flow = subject.flow
    for node_id, program in subject.programs.items():
        entry = flow.entry.get(node_id)
        if entry is not None:
            yield from _of_node(flow, node_id, subject.document.nodes[node_id], program, entry)


def _of_node(flow: Flow, node_id: str, node: Node, program: Program, entry: State) -> Iterator[tuple[Use, State, bool]]:
    state = inner_state(flow.names, node, entry)
    for moment in program.moments:
        for use in moment.uses:
            yield use, state, False
        state = after(flow.names, flow.start, moment, state)
    failed = State(entry.must, state.may).define(flow.names.bit(ERROR))
    yield from ((use, failed, False) for use in program.error)
    yield from ((use, State(flow.everything, flow.everything), True) for use in program.undo)
    if isinstance(node, LoopNode):
        begin = flow.begin.get(node_id, entry)
        yield from ((use, begin, False) for use in program.begin)
        bound = flow.names.bits(name for name, _ in bound_names(node))
        end = flow.ends.get(node_id)
        if end is not None:
            yield from ((use, end.define(bound), False) for use in program.iteration)


def variables_read(subject: Subject) -> dict[str, set[str]]:
    """The variables and built-ins that each node reads; a column or a plain text counts where it may be a variable."""
    found: dict[str, set[str]] = {node_id: set() for node_id in subject.programs}
    for use, state, _ in reads_in_context(subject):
        scope = use.place.scope
        for read in use.reads:
            name = str(read.path[0])
            defined = bool(state.may & subject.flow.names.known(name))
            if scope == "child" or name in CONSTANT_WORDS or name in LOCAL_NAMES.get(scope, ()):
                continue
            if defined or not (use.names_variable or (scope in ("item", "fold") and name not in BUILT_INS)):
                found[str(use.path[2])].add(name)
    return found


def doubts(subject: Subject) -> list[Doubt]:
    """Every read that may find nothing, in document order."""
    routes = MissingRoutes(subject)
    found = []
    for use, state, undo in reads_in_context(subject):
        for read in use.reads:
            name = str(read.path[0])
            if _is_local(subject, use, name) or name in _ALWAYS or name in CONSTANT_WORDS:
                continue
            if name in BUILT_INS or (use.names_variable and not state.may & subject.flow.names.known(name)):
                continue
            bit = subject.flow.names.known(name)
            if not state.may & bit:
                if not _may_be_set(subject, name):
                    found.append(Doubt(name, use.path, read, never=True))
            elif not state.must & bit and not read.guarded and not undo:
                route = routes.route(name, str(use.path[2]))
                plain = use.names_variable is not None
                found.append(Doubt(name, use.path, read, never=False, route=route, plain=plain))
    return found


def _may_be_set(subject: Subject, name: str) -> bool:
    """Whether a part or edge of the text that could not be read may set a variable before it is read."""
    elsewhere = subject.flow.names.known(name) & subject.flow.everything
    undeclared = subject.refused(("variables_schema",), name)
    return undeclared or name in subject.lost_names or bool(elsewhere and not subject.is_whole)


def _is_local(subject: Subject, use: Use, name: str) -> bool:
    """Whether a name is bound by the place itself; columns are not checked."""
    scope = use.place.scope
    if name in LOCAL_NAMES.get(scope, ()):
        return True
    if scope in ("item", "fold"):
        return True
    return scope in ("child", "trigger", "start", "inputs")


def variables_are_defined(subject: Subject) -> None:
    """CKP301 and CKP302."""
    known = Nearest(subject.flow.names.of(subject.flow.everything), subject.report.effort)
    for doubt in doubts(subject):
        offset = doubt.read.offset
        if doubt.never and doubt.read.guarded:
            message = f"'{doubt.name}' can never be defined here."
            subject.report("CKP302", doubt.path, message, offset=offset)
        elif doubt.never:
            message = f"'{doubt.name}' can never be defined here."
            subject.report("CKP301", doubt.path, message, hint=_hint(known, doubt), offset=offset)
        else:
            shown = f" on the path {shown_route(doubt.route)}" if doubt.route else ""
            message = f"'{doubt.name}' may be undefined{shown}."
            hint = f"Write {doubt.name}|default(…), or define it on every path."
            if doubt.plain:
                hint = f"Write {{{{{doubt.name}|default(…)}}}}, or {{{{ '{doubt.name}' }}}} where the text is meant."
            subject.report("CKP302", doubt.path, message, hint=hint, offset=offset)


def _hint(known: Nearest, doubt: Doubt) -> str:
    if doubt.name.lower() in CONSTANT_WORDS:
        return f"Write {doubt.name.lower()}."
    near = known.to(doubt.name)
    if near:
        return f"Did you mean '{near}'?"
    return f"Write '{doubt.name}' for the text, or declare the variable."


def shown_route(route: tuple[str, ...]) -> str:
    """A path of nodes in one line, cut in the middle."""
    nodes = route if len(route) <= 8 else (*route[:4], "…", *route[-3:])
    return " → ".join(nodes)


def names_outside_the_graph(subject: Subject) -> None:
    """CKP301 to CKP303 for defaults, keys over the inputs, and triggers."""
    schema = subject.document.variables_schema
    for use in subject.uses.root:
        for read in use.reads:
            name = str(read.path[0])
            if name in CONSTANT_WORDS or _is_given(use, name) or subject.refused(("variables_schema",), name):
                continue
            if name in BUILT_INS:
                subject.report("CKP303", use.path, f"'{name}' is never set here.", offset=read.offset)
            elif use.place.scope != "inputs" or name not in schema:
                message = f"'{name}' can never be defined here."
                subject.report("CKP301", use.path, message, hint=_seen(use), offset=read.offset)
            elif not (schema[name].required or schema[name].has_default or read.guarded):
                message = f"'{name}' may be undefined: it is an optional input without default."
                subject.report("CKP302", use.path, message, offset=read.offset)


def _is_given(use: Use, name: str) -> bool:
    if use.place.scope == "trigger":
        return name in ("trigger", "now", "today")
    return name in AT_START


def _seen(use: Use) -> str:
    seen = {
        "trigger": "Here 'trigger' is seen.",
        "inputs": "Here the declared inputs are seen.",
        "start": f"Here {', '.join(sorted(AT_START))} are seen.",
    }
    return seen.get(use.place.scope, "")


def built_ins_are_set(subject: Subject) -> None:
    """CKP303."""
    for use, state, undo in reads_in_context(subject):
        for read in use.reads:
            name = read.path[0]
            if name == ERROR and not state.may & subject.flow.names.known(ERROR) and not undo:
                message = "'error' is set only behind on_error, a fallback, an escalation or on_failure."
                subject.report("CKP303", use.path, message, offset=read.offset)
            elif name == "compensates" and not undo:
                message = "'compensates' is set only in compensation steps."
                subject.report("CKP303", use.path, message, offset=read.offset)


def keys_exist(subject: Subject) -> None:
    """CKP304."""
    shapes = known_shapes(subject.document)
    for use in subject.uses.all():
        if use.place.scope in ("child", "item", "fold", "value"):
            continue
        for read in use.reads:
            key = missing_key(shapes.get(str(read.path[0])), read.path[1:])
            if key is not None:
                keys = _keys_at(shapes[str(read.path[0])], read.path[1:], key)
                near = subject.report.nearest(key, keys)
                hint = f"Did you mean '{near}'?" if near else f"Known are {', '.join(sorted(keys)[:20])}."
                subject.report("CKP304", use.path, f"'{key}' is no key here.", hint=hint, offset=read.offset)


def _keys_at(shape: Any, path: tuple[str | int, ...], key: str) -> list[str]:
    for part in path:
        if part == key and part not in shape:
            break
        shape = shape[part]
    return list(shape)
