"""What artifacts a result names, and which of them are taken."""

import base64
import hashlib

import pytest

from orchestration.artifacts import detection
from orchestration.artifacts.acceptance import Limits, Rejected, accept, is_link
from orchestration.artifacts.extraction import named_in, with_references

LIMITS = Limits(1000, {"portal.example.test", "localhost"})
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def kinds(result, beside=()):
    return [(named.said.get("kind"), named.place) for named in named_in(result, beside)]


def test_every_shape_names_artifacts():
    result = {
        "artifacts": [{"kind": "a", "uri": "memory://1"}, "no object", {"kind": "b", "uri": "memory://2"}],
        "artifact": {"kind": "c"},
        "artifact_uri": "https://x.test/3",
        "artifact_kind": "d",
        "screenshot": "https://x.test/4.png",
    }
    assert kinds(result, [{"kind": "e"}]) == [
        ("e", ()),
        ("a", ("artifacts", 0)),
        ("b", ("artifacts", 2)),
        ("c", ("artifact",)),
        ("d", ("artifact_uri",)),
        ("screenshot", ("screenshot",)),
    ]


@pytest.mark.parametrize("result", [None, 7, "artifact", ["artifact"], {}, {"screenshot": ""}, {"artifact": "x"}])
def test_other_results_name_none(result):
    assert named_in(result) == []


def test_a_uri_alone_is_an_artifact_only_if_it_is_a_link():
    (named,) = named_in({"uri": "https://x.test/report.pdf"})
    assert named.quiet
    (named,) = named_in({"uri": "/tmp/report.pdf", "artifact_kind": "report"})
    assert not named.quiet


def test_references_take_the_places_and_leave_the_rest():
    result = {"artifacts": [{"n": 1}, {"n": 2}], "rows": [1]}
    assert with_references(result, {("artifacts", 1): "ref"}) == {"artifacts": [{"n": 1}, "ref"], "rows": [1]}
    assert result["artifacts"][1] == {"n": 2}


def test_content_in_the_reply_is_taken_with_its_real_facts():
    said = {"kind": "report", "name": "folder/Q3 report.CSV", "mime_type": "image/png", "classification": "public"}
    found = accept({**said, "content_base64": coded(b"a,b\n1,2\n")}, LIMITS)
    assert (found.kind, found.name, found.mime_type) == ("report", "Q3 report.CSV", "text/csv")
    assert (found.size_bytes, found.classification) == (8, "public")
    assert found.sha256 == hashlib.sha256(b"a,b\n1,2\n").hexdigest()


def test_screenshots_are_pictures_words_or_links():
    assert accept({"kind": "screenshot", "text": coded(PNG)}, LIMITS).mime_type == "image/png"
    inline = accept({"kind": "screenshot", "text": f"data:image/png;base64,{coded(PNG)}"}, LIMITS)
    assert (inline.content, inline.name) == (PNG, "screenshot.png")
    words = accept({"kind": "screenshot", "text": "the login page, button grey"}, LIMITS)
    assert (words.content, words.name) == (b"the login page, button grey", "screenshot.txt")
    assert accept({"kind": "screenshot", "text": "memory://shots/1.png"}, LIMITS).uri == "memory://shots/1.png"


def test_links_are_kept_as_they_are():
    said = {"kind": "invoice", "uri": "https://files.test/a%20b.pdf?sig=1", "size_bytes": 12, "sha256": "A" * 64}
    found = accept(said, LIMITS)
    assert (found.uri, found.name, found.mime_type) == (said["uri"], "a b.pdf", "application/pdf")
    assert (found.size_bytes, found.sha256, found.content) == (12, "a" * 64, None)


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "C:\\shots\\1.png",
        "shots/1.png",
        "../../secret.txt",
        "~/notes.txt",
        "s3://bucket/key",
        "javascript:alert(1)",
        "http:///nowhere",
        "http://user:word@x.test/a",
        "https://x.test/" + "a" * 2000,
        "https://x.test/a b",
        "http://[broken",
        "https://portal.example.test/api/artifacts/1/a.txt",
        "http://localhost:8000/api/%61rtifacts/1/a.txt",
        "https://portal.example.test//api//artifacts/1/a.txt",
        "https://portal.example.test/api/./artifacts/1/a.txt",
        "https://portal.example.test/x/../api/artifacts/1/a.txt",
        "https://portal.example.test/x/%2e%2e/api/artifacts/1/a.txt",
        "https://portal.example.test/../api/artifacts/1/a.txt",
        "https://portal.example.test/api\\artifacts\\1\\a.txt",
        "https://portal.example.test./api/artifacts/1/a.txt",
        "/api/artifacts/1/a.txt",
        "",
    ],
)
def test_paths_and_links_into_our_storage_are_refused(uri):
    with pytest.raises(Rejected):
        accept({"kind": "x", "uri": uri}, LIMITS)
    with pytest.raises(Rejected):
        accept({"kind": "screenshot", "text": uri}, LIMITS) if uri and " " not in uri else accept({}, LIMITS)
    assert not is_link(uri, LIMITS)


@pytest.mark.parametrize(
    "said",
    [
        {"content_base64": "not base64!"},
        {"content_base64": coded(bytes(1001))},
        {"content_base64": "A" * 100_000},
        {"content_base64": coded(b"x"), "sha256": "0" * 64},
        {"artifact_id": "7"},
        {"uri": 7},
        {},
    ],
)
def test_what_cannot_be_taken_is_refused(said):
    with pytest.raises(Rejected):
        accept(said, LIMITS)


def test_an_unknown_classification_is_taken_for_the_strictest():
    assert accept({"uri": "memory://1", "classification": "top"}, LIMITS).classification == "restricted"
    assert accept({"uri": "memory://1"}, LIMITS).classification == "internal"


@pytest.mark.parametrize(
    ("content", "name", "mime"),
    [
        (PNG, "x.txt", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "", "image/jpeg"),
        (b"GIF89a...", "", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"),
        (b"%PDF-1.7", "", "application/pdf"),
        (b"PK\x03\x04", "a.zip", "application/zip"),
        (b"PK\x03\x04", "a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (b'{"a": 1}', "", "application/json"),
        (b"{not json", "", "text/plain"),
        (b"7", "a.json", "application/json"),
        (b"a;b", "a.csv", "text/csv"),
        ("grüße".encode(), "", "text/plain"),
        (b"<!DOCTYPE html><p>", "a.png", "text/html"),
        (b"  <svg xmlns='x'>", "a.png", "image/svg+xml"),
        (b"<?xml version='1.0'?><svg>", "", "image/svg+xml"),
        (b"<?xml version='1.0'?><a>", "", "application/xml"),
        (b"\x00\x01\x02", "a.png", "application/octet-stream"),
        (b"\xfe\xff\xfe", "a.txt", "application/octet-stream"),
        (b"", "", "text/plain"),
    ],
)
def test_types_are_told_by_content(content, name, mime):
    assert detection.mime_type(content, name) == mime


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "etc_passwd"),
        ("a b?c.txt", "a_b_c.txt"),
        ("", "file"),
        ("...", "file"),
        ("ü" * 3, "file"),
        ("x" * 300 + ".png", "x" * 96 + ".png"),
    ],
)
def test_names_are_safe_everywhere(name, safe):
    assert detection.safe_name(name) == safe
