"""What a model is told first: the node's prompts, what is attached, and in which form to answer (CKP 2.9)."""

from typing import Final

from orchestration.runtime.context import Context, Told, Turn
from orchestration.runtime.outcomes import Error, Json, StepFailed
from procedures.ckp.document import LlmActionNode
from procedures.ckp.document.nodes import Attachment, LlmBranch
from procedures.ckp.values import canonical_json

PICTURE: Final = "data:image/"


def opening(node: LlmActionNode, ctx: Context) -> list[Turn]:
    """The first turns: how to behave, and the prompt. Raises `StepFailed` for what cannot be sent."""
    if node.prompt is None:
        raise StepFailed(Error("invalid_value", f"There is no stored prompt {node.prompt_ref!r}."))
    turns = []
    system = _joined(ctx.prompt(node.system_prompt, "system_prompt") if node.system_prompt else None, _form(node))
    if system is not None:
        turns.append(Turn("system", system))
    prompt = ctx.prompt(node.prompt, "prompt")
    parts = [_part(attachment, index, ctx) for index, attachment in enumerate(node.attachments)]
    return [*turns, Turn("user", _with_parts(prompt, parts) if parts else prompt)]


def correction(answer: Told, faults: list[str]) -> list[Turn]:
    """The turns that send an invalid answer back with what is wrong in it."""
    listed = "\n".join(f"- {fault}" for fault in faults)
    text = f"This answer cannot be used:\n{listed}\nAnswer again with the whole, corrected JSON and nothing else."
    return [Turn("assistant", answer), Turn("user", Told(text, text))]


def branches(node: LlmActionNode) -> dict[str, str]:
    """The nodes that the model may choose, each with its description."""
    listed = [one if isinstance(one, LlmBranch) else LlmBranch(node=one) for one in node.branches]
    return {one.node: one.description or "" for one in listed}


def _form(node: LlmActionNode) -> str:
    """In which form to answer."""
    kind = "object" if node.answers_object else "value"
    told = [f"Answer with one JSON {kind} and nothing else."] if node.answers_json else []
    if isinstance(node.output_schema, dict):
        told.append(f"It must fit this JSON Schema: {canonical_json(node.output_schema)}")
    if node.orchestration_mode:
        choices = "\n".join(f"- {name}: {text}" if text else f"- {name}" for name, text in branches(node).items())
        told.append(f'It must be an object whose key "_next_node" names what happens next, one of:\n{choices}')
    return "\n".join(told)


def _joined(told: Told | None, form: str) -> Told | None:
    if told is None:
        return Told(form, form) if form else None
    return Told(f"{told.value}\n\n{form}", f"{told.shown}\n\n{form}") if form else told


def _part(attachment: Attachment, index: int, ctx: Context) -> Told:
    """One attachment as a part of a message."""
    told = ctx.attached(attachment.source, "attachments", index, "source")
    if attachment.type != "image":
        return Told(_text_part(attachment, told.value), _text_part(attachment, told.shown))
    if not isinstance(told.value, str) or not told.value.startswith(PICTURE):
        message = "An image must be a data URL (data:image/…); artifacts and storage URLs cannot be attached yet."
        raise StepFailed(Error("invalid_value", message))
    picture = {"type": "image_url", "image_url": {"url": told.value}}
    return Told(picture, {"type": "image_url", "image_url": {"url": f"({len(told.value)} characters)"}})


def _text_part(attachment: Attachment, content: Json) -> dict[str, Json]:
    text = content if isinstance(content, str) else canonical_json(content)
    title = attachment.description or f"Attached {attachment.type}"
    return {"type": "text", "text": f"{title}:\n{text}"}


def _with_parts(prompt: Told, parts: list[Told]) -> Told:
    return Told(
        [{"type": "text", "text": prompt.value}, *(part.value for part in parts)],
        [{"type": "text", "text": prompt.shown}, *(part.shown for part in parts)],
    )
