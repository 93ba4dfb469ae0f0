"""Reading pages as people do: words, links, form fields."""

import re
from html import unescape

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

MOST_QUERIES = 12


def source(answer: HttpResponse) -> str:
    """The page as it was sent."""
    return answer.content.decode()


def words(answer: HttpResponse) -> str:
    """The text of a page without its tags."""
    return text(source(answer))


def text(html: str) -> str:
    """HTML without its tags, scripts and drawings."""
    bare = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", html, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def heading(answer: HttpResponse) -> str:
    """The one sentence that states the situation."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", source(answer), flags=re.S)
    assert found, "the page has no heading"
    return text(found[1])


def links(answer: HttpResponse) -> list[str]:
    """Where the links of a page lead, in order."""
    return [unescape(href) for href in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', source(answer))]


def queries(client: Client, address: str) -> list[str]:
    """The statements that showing a page costs."""
    with CaptureQueriesContext(connection) as counted:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in counted]


def first(pattern: str, html: str) -> str:
    """The first group of `pattern` in HTML."""
    found = re.search(pattern, html)
    assert found is not None, pattern
    return found.group(1)
