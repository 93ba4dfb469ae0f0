"""Calling the database from an event loop without keeping a connection between calls."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


async def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns, run in a thread of the loop's pool, which gives its connections back afterwards."""
    return await sync_to_async(_giving_back, thread_sensitive=False)(function, *args, **kwargs)


async def give_back() -> None:
    """Give back the connections of the thread that serves this request, before it waits for long."""
    await sync_to_async(connections.close_all, thread_sensitive=True)()


def _giving_back(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    finally:
        connections.close_all()
