"""A reference page for each node type, and one for functions: tables from the code, an example that compiles."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic.fields import FieldInfo

from procedures.ckp.document.base import Shape, kind_of
from procedures.ckp.document.nodes import NODE_MODELS, NodeBase
from procedures.ckp.expressions import FUNCTIONS, TESTS
from procedures.ckp.fields import MODELS, table_of
from procedures.ckp.kinds import Either, Entries, Items, Kind, Record, Target
from procedures.ckp.reference import described

WRITTEN: Final = "Written by `manage.py ckp_reference` from the tables in the code; a test holds both equal."
ABOUT: Final[dict[str, str]] = {
    "sequence": "Steps run in order. Each may call an agent or do work inside LangOrch, and its result is recorded, so "
    "a step that is done is never done again. Validations follow the last step; handlers decide about errors.",
    "logic": "Rules are tried in order and the first that is true names the next node. The decision and the values it "
    "read are recorded.",
    "loop": "The body runs once for each element of a list, or while a condition holds. A way out of the body that "
    "ends at the loop begins the next iteration; `next_node` is taken when there is none left.",
    "parallel": "Each branch starts with a copy of the variables. Branches meet in `next_node`, where their changes "
    "are merged in document order.",
    "processing": "Operations on values, in order, inside LangOrch: nothing leaves the house except a notice.",
    "transform": "Changes of lists and objects, in order, on a copy of the variables: if one fails, none is kept.",
    "verification": "All checks are evaluated. The first that failed and does not merely warn decides the way.",
    "llm_action": "A language model is asked. Its answer can be held to a schema, is repaired when it does not fit, "
    "and its cost is bounded before the call is made.",
    "human_approval": "The run waits for people, without holding a worker. Who decided, when, and on what is kept.",
    "subflow": "Another procedure runs as a child. What goes in and out is checked against its declared inputs and "
    "outputs when the parent is compiled.",
    "terminate": "The run ends here, from anywhere, completed or failed. Without `outputs` it gives its variables.",
}


def pages(examples: Mapping[str, str]) -> dict[str, str]:
    """Markdown by file name. `examples` are JSON texts by node type."""
    found = {f"{name}.md": _text(_node_page(name, examples[name])) for name in NODE_MODELS}
    return {"README.md": _text(_index()), **found, "functions.md": _text(_functions())}


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"


def _index() -> Iterator[str]:
    yield from ("# Node types", "", WRITTEN, "", "| type | tier | is |", "|---|---|---|")
    for name, model in NODE_MODELS.items():
        yield f"| [{name}]({name}.md) | {model.TIER} | {_summary(model)} |"
    yield from ("", "[Functions, filters and tests](functions.md) of expressions and templates.")
    yield from ("", "[Everything else](../ckp.md): the document, parts, actions, transformations, problems.")


def _node_page(name: str, example: str) -> Iterator[str]:
    model = NODE_MODELS[name]
    yield from (f"# {name}", "", WRITTEN, "", ABOUT[name], "", f"Tier: {model.TIER}.", "", "## Fields", "")
    yield "A field marked * is required. **T**: it may hold a template. [The reference](../ckp.md) has the parts."
    yield ""
    common = table_of(NodeBase)
    yield from _fields(model, [key for key in table_of(model) if key not in common])
    yield from ("", "## Fields of every node", "")
    idle = model.WITHOUT_EFFECT
    yield from _fields(model, [key for key in common if key not in idle])
    if idle:
        yield from ("", f"Without effect here: {', '.join(f'`{key}`' for key in sorted(idle))}.")
    yield from ("", "## Fields that name a node", "")
    named = [path for path in _targets(model) if path.split(".")[0] not in idle]
    yield f"{', '.join(f'`{path}`' for path in named)}." if named else "None."
    yield from (
        "",
        "## Example",
        "",
        f"[examples/{name}.json](examples/{name}.json)",
        "",
        "```json",
        example.strip(),
        "```",
    )


def _fields(model: type[Shape], keys: list[str]) -> Iterator[str]:
    yield from ("| field | takes | default |", "|---|---|---|")
    infos = {info.alias or name: info for name, info in model.model_fields.items()}
    for key, field in table_of(model).items():
        if key in keys:
            mark, default = ("*", "") if field.required else ("", _default(infos[key]))
            yield f"| `{key}`{mark} | {described(field.kind)} | {default} |"


def _default(info: FieldInfo) -> str:
    value: Any = info.get_default(call_default_factory=True)
    if value is None or value in ([], {}) or isinstance(value, Shape):
        return ""
    return f"`{json.dumps(value)}`"


def _targets(model: type[Shape]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        kind = kind_of(info.metadata)
        if kind is not None:
            yield from _targets_in(info.alias or name, kind)


def _targets_in(path: str, kind: Kind) -> Iterator[str]:
    if isinstance(kind, Target):
        yield path
    elif isinstance(kind, Items):
        yield from _targets_in(f"{path}[]", kind.of)
    elif isinstance(kind, Entries):
        yield from _targets_in(f"{path}.*", kind.of)
    elif isinstance(kind, Either):
        for part in kind.kinds:
            yield from _targets_in(path, part)
    elif isinstance(kind, Record) and kind.model != "Step":
        yield from (f"{path}.{below}" for below in _targets(MODELS[kind.model]))


def _functions() -> Iterator[str]:
    yield from ("# Functions, filters and tests", "", WRITTEN, "")
    yield "Each function is also a filter: `upper(name)` and `name|upper` are the same."
    yield from ("", "| function | gives |", "|---|---|")
    for name in sorted(FUNCTIONS):
        yield f"| `{FUNCTIONS[name].signature}` | {_in_cell(FUNCTIONS[name].summary)} |"
    yield from ("", "Tests stand behind `is` and `is not`: " + ", ".join(f"`{name}`" for name in sorted(TESTS)) + ".")


def _in_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _summary(model: type[NodeBase]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]
