"""The socket of live pages: it says which sections are stale, never what they show."""

import asyncio
import json
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.sessions.backends.base import SessionBase
from django.db import DatabaseError

from langorch.lib import clock, off_loop
from orchestration import live_sections
from orchestration.live_sections import LISTS, Section
from tenants import selectors
from tenants.actor import Actor
from tenants.middleware import TENANT_IN_SESSION
from tenants.models import User

SIGNED_OUT: Final = 4401
NO_ACCESS: Final = 4403
TRY_AGAIN: Final = 1011
MALFORMED: Final = 4400
GATHER_SECONDS: Final = 0.2
LIST_PAUSE_SECONDS: Final = 2.0
CHECK_SECONDS: Final = 60.0
MOST_SECTIONS: Final = 50
MOST_CHARACTERS: Final = 10_000


class LiveSections(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Watches the sections a page names. Changes within 200 ms are one message; lists speak every 2 s at most."""

    async def connect(self) -> None:
        self._shown: dict[str, int] = {}
        self._sections: dict[str, Section] = {}
        self._groups: set[str] = set()
        self._woken: set[str] = set()
        self._telling: asyncio.Task[None] | None = None
        self._lists_told = self._checked = clock.monotonic()
        await self.accept()
        user = self.scope["user"]
        if not isinstance(user, User):
            await self.close(SIGNED_OUT)
            return
        self._actor = await off_loop.call(_actor, user, self.scope["session"].get(TENANT_IN_SESSION))
        if self._actor is None:
            await self.close(NO_ACCESS)

    async def disconnect(self, code: int) -> None:
        if self._telling is not None:
            self._telling.cancel()
        for group in self._groups:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = _read(text_data)
        if message is None:
            await self.close(MALFORMED)
        elif message.get("type") == "watch":
            await self._watch(message.get("sections"))
        elif message.get("type") == "ping" and await self._still_allowed():
            await self.send('{"type": "ping"}')

    async def wake(self, message: dict[str, Any]) -> None:
        """Something changed in one of our groups: look at what it may concern, in a moment."""
        kinds = _kinds_of(message)
        self._woken |= {name for name, section in self._sections.items() if section.kind in kinds}
        if self._woken and self._telling is None:
            self._telling = asyncio.create_task(self._tell_soon())

    async def _watch(self, wanted: Any) -> None:
        if not isinstance(wanted, dict) or self._actor is None:
            return
        named = {name: live_sections.section(str(name)) for name in list(wanted)[:MOST_SECTIONS]}
        self._sections = {name: section for name, section in named.items() if section is not None}
        self._shown = {name: _number(wanted[name]) for name in self._sections}
        await self._listen({section.group(self._actor.tenant_id) for section in self._sections.values()})
        await self._tell(set(self._sections))

    async def _listen(self, groups: set[str]) -> None:
        for group in groups - self._groups:
            await self.channel_layer.group_add(group, self.channel_name)
        for group in self._groups - groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        self._groups = groups

    async def _tell_soon(self) -> None:
        try:
            while self._woken:
                await asyncio.sleep(GATHER_SECONDS)
                due = {name for name in self._woken if self._is_due(name)}
                self._woken -= due
                if due and await self._still_allowed():
                    await self._tell(due, woken=True)
        except DatabaseError:
            await self.close(TRY_AGAIN)
        finally:
            self._telling = None

    def _is_due(self, name: str) -> bool:
        section = self._sections.get(name)
        in_list = section is not None and section.kind in LISTS
        return not in_list or clock.monotonic() - self._lists_told >= LIST_PAUSE_SECONDS

    async def _tell(self, names: set[str], *, woken: bool = False) -> None:
        """Send the versions of those `names` that are newer than what the page shows.

        A wake-up outranks the version of a list: of two changes the later one may have been committed first.
        """
        if self._actor is None:
            return
        sections = [section for name, section in self._sections.items() if name in names]
        found = await off_loop.call(live_sections.versions, self._actor, sections)
        stale = {}
        for section in sections:
            shown, version = self._shown.get(section.name, 0), found.get(section.name)
            if version is None:
                continue
            if woken and section.kind in LISTS:
                version, self._lists_told = max(version, shown + 1), clock.monotonic()
            if version > shown:
                stale[section.name] = self._shown[section.name] = version
        if stale:
            await self.send(json.dumps({"type": "stale", "sections": stale}))

    async def _still_allowed(self) -> bool:
        """Look at the person's rights again every minute; tell the page to load anew when they changed."""
        if self._actor is None:
            return False
        if clock.monotonic() - self._checked < CHECK_SECONDS:
            return True
        self._checked = clock.monotonic()
        before, self._actor = self._actor, await off_loop.call(_renewed, self._actor, self.scope["session"])
        if self._actor is None:
            await self.close(SIGNED_OUT)
            return False
        if self._actor != before:
            await self.send('{"type": "reload"}')
        return True


class NoSuchSocket(AsyncWebsocketConsumer):  # type: ignore[misc]
    """The answer at every other address."""

    async def connect(self) -> None:
        await self.close()


def _actor(user: User, tenant_slug: str | None) -> Actor | None:
    return selectors.actor_of(user, tenant_slug=tenant_slug, via="page")


def _renewed(actor: Actor, session: SessionBase) -> Actor | None:
    return selectors.renewed(actor) if session.session_key and session.exists(session.session_key) else None


def _read(text: str | None) -> dict[str, Any] | None:
    if text is None or len(text) > MOST_CHARACTERS:
        return None
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _number(version: Any) -> int:
    return version if isinstance(version, int) else 0


def _kinds_of(message: dict[str, Any]) -> frozenset[str]:
    if "approval_id" in message:
        return frozenset({live_sections.APPROVAL, live_sections.APPROVALS})
    return frozenset({live_sections.RUNS if "run_id" in message else live_sections.RUN})
