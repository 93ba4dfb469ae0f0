"""Listening for wake-ups: messages that say "look again", lost without harm because readers also look by themselves."""

import asyncio
from types import TracebackType
from typing import Any, Self

from channels.layers import get_channel_layer


class Listener:
    """`async with Listener(group) as listener`: from then on no wake-up of the group goes unnoticed."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._layer: Any = get_channel_layer()
        self._channel = ""

    async def __aenter__(self) -> Self:
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(self._group, self._channel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._layer.group_discard(self._group, self._channel)

    async def wait(self, seconds: float) -> bool:
        """Whether a wake-up came within `seconds`."""
        try:
            await asyncio.wait_for(self._layer.receive(self._channel), seconds)
        except TimeoutError:
            return False
        return True
