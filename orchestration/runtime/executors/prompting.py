"""What a model is told first: the node's prompts, what is attached, and in which form to answer (CKP 2.9)."""

from base64 import b64encode
from typing import Final

from orchestration.runtime.context import Context, File, Told, Turn
from orchestration.runtime.outcomes import Error, Json, StepFailed
from procedures.ckp.document import LlmActionNode
from procedures.ckp.document.nodes import Attachment, LlmBranch
from procedures.ckp.values import canonical_json

PICTURE: Final = "data:image/"
MOST_ATTACHED: Final = 10 * 2**20


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


def correction(answer: Told, faults: list[str], shown: list[str]) -> list[Turn]:
    """The turns that send an invalid answer back with what is wrong in it, which is `shown` in other words."""
    return [Turn("assistant", answer), Turn("user", Told(_correcting(faults), _correcting(shown)))]


def _correcting(faults: list[str]) -> str:
    listed = "\n".join(f"- {fault}" for fault in faults)
    return f"This answer cannot be used:\n{listed}\nAnswer again with the whole, corrected JSON and nothing else."


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
    """One attachment as a part of a message. Raises `StepFailed` for what cannot be sent."""
    told = ctx.attached(attachment.source, "attachments", index, "source")
    file = told.value if isinstance(told.value, File) else None
    if file is not None and len(file.content) > MOST_ATTACHED:
        raise _unsendable(attachment, f"{file.name} has over {MOST_ATTACHED} bytes")
    if attachment.type == "image":
        return _picture(attachment, file, told)
    text = None if file is None else _text_of(file)
    if file is None or text is not None:
        sent = told.value if file is None else text
        return Told(_text_part(attachment, sent), _text_part(attachment, told.shown))
    if attachment.type != "file":
        raise _unsendable(attachment, f"{file.name} is not a text")
    part = {"type": "file", "file": {"filename": file.name, "file_data": _data_url(file)}}
    return Told(part, {"type": "file", "text": told.shown})


def _picture(attachment: Attachment, file: File | None, told: Told) -> Told:
    url = told.value if file is None else _data_url(file)
    if not isinstance(url, str) or not url.startswith(PICTURE):
        raise _unsendable(attachment, "it is neither an artifact with a picture nor a data URL (data:image/…)")
    shown = f"(a picture, {len(url)} characters)" if file is None else told.shown
    return Told({"type": "image_url", "image_url": {"url": url}}, {"type": "image_url", "text": shown})


def _unsendable(attachment: Attachment, why: str) -> StepFailed:
    return StepFailed(Error("invalid_value", f"An attachment of type {attachment.type} cannot be sent: {why}."))


def _data_url(file: File) -> str:
    return f"data:{file.mime_type};base64,{b64encode(file.content).decode()}"


def _text_of(file: File) -> str | None:
    try:
        return file.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _text_part(attachment: Attachment, content: Json) -> dict[str, Json]:
    text = content if isinstance(content, str) else canonical_json(content)
    title = attachment.description or f"Attached {attachment.type}"
    return {"type": "text", "text": f"{title}:\n{text}"}


def _with_parts(prompt: Told, parts: list[Told]) -> Told:
    return Told(
        [{"type": "text", "text": prompt.value}, *(part.value for part in parts)],
        [{"type": "text", "text": prompt.shown}, *(part.shown for part in parts)],
    )
