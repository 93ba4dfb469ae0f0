"""What holds for every endpoint: slashes, strict JSON, unknown parameters, error shapes, repeated POSTs."""

import json

import pytest
from django.conf import settings

from langorch import checks
from tenants.models import StoredAnswer

TICKETS = "/api/stream-tickets"


def send(client, body, **headers):
    return client.post(TICKETS, body, content_type="application/json", **headers)


@pytest.mark.parametrize("path", ["/api/auth/me", "/api/auth/me/", "/api/health/", "/api/schema/", "/api/docs/"])
def test_both_slash_forms_answer_without_redirect(house, api, browser, path):
    client = browser(house.viewer) if "docs" in path else api(house.viewer)
    assert client.get(path).status_code == 200


def test_unknown_addresses_are_401_for_nobody_and_404_for_the_rest(house, api):
    for path in ("/api/nothing-here", "/api/", "/api/runs//"):
        assert api().get(path).status_code == 401
        answer = api(house.admin).get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_answers_are_not_kept_by_caches(house, api):
    answer = api(house.viewer).head("/api/auth/me")
    assert (answer.status_code, answer.headers["Cache-Control"], answer.content) == (200, "no-store", b"")


def test_unknown_query_parameters_are_named(house, api):
    answer = api(house.viewer).post(f"{TICKETS}?pth=1", {"path": "/x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    assert answer.json()["errors"][0]["field"] == "pth"
    assert api(house.viewer).get("/api/auth/me?whatever=1").status_code == 200


def test_methods_that_are_not_there(house, api):
    assert api().delete("/api/auth/me").status_code == 401
    answer = api(house.viewer).delete("/api/auth/me")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"
    assert api(house.viewer).options("/api/auth/me").status_code == 405


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"path": NaN}',
        b'{"path": 1e999}',
        b'{"path": "a\\u0000b"}',
        b'{"path": "\\ud800"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"",
    ],
    ids=["cut", "not utf-8", "nan", "too large", "nul", "half a pair", "long number", "empty"],
)
def test_bodies_that_are_not_json_or_cannot_be_kept(house, api, body):
    answer = send(api(house.viewer), body)
    assert answer.status_code == (422 if body == b"" else 400), answer.json()
    assert answer.json()["code"] == ("invalid_input" if body == b"" else "malformed_json")


def test_an_escaped_backslash_is_no_nul(house, api):
    assert send(api(house.viewer), b'{"path": "a\\\\u0000b"}').status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}",
        json.dumps({"a": list(range(settings.ENV.MAX_JSON_KEYS))}).encode(),
        b'{"a": "' + b"x" * settings.ENV.MAX_REQUEST_BYTES + b'"}',
        b'{"a": "' + b'\\"' * 2_000_000,
        b"[" * 100_000,
    ],
    ids=["deep", "many", "large", "many quotes", "only brackets"],
)
def test_bodies_beyond_the_limits(house, api, body):
    answer = send(api(house.viewer), body)
    assert answer.status_code == (400 if body.endswith(b'\\"') else 413), answer.json()


def test_text_in_a_body_may_hold_brackets(house, api):
    body = json.dumps({"path": "/x", "note": "[" * 500 + '\\"{,' * 10}).encode()
    assert send(api(house.viewer), body).status_code == 201


def test_other_content_types_are_told_what_to_send(house, api):
    answer = api(house.viewer).post(TICKETS, "path=/x", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_body_that_is_no_object_is_422(house, api):
    for body in (b"[]", b"1", b"null", b'"x"'):
        assert send(api(house.viewer), body).status_code == 422


def test_same_key_same_body_gets_the_first_answer(house, api):
    client = api(house.viewer)
    first = client.post(TICKETS, {"path": "/x"}, HTTP_IDEMPOTENCY_KEY="k")
    again = client.post(TICKETS + "/", {"path": "/x"}, HTTP_IDEMPOTENCY_KEY="k")
    assert again.json() == first.json()
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert "Idempotent-Replayed" not in first.headers


def test_same_key_other_body_is_refused(house, api):
    client = api(house.viewer)
    client.post(TICKETS, {"path": "/x"}, HTTP_IDEMPOTENCY_KEY="k")
    answer = client.post(TICKETS, {"path": "/y"}, HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_belongs_to_one_identity_and_expires(house, api, standing_clock):
    first = api(house.viewer).post(TICKETS, {"path": "/x"}, HTTP_IDEMPOTENCY_KEY="k").json()
    assert api(house.operator).post(TICKETS, {"path": "/y"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 201
    standing_clock.advance(hours=24)
    later = api(house.viewer).post(TICKETS, {"path": "/x"}, HTTP_IDEMPOTENCY_KEY="k")
    assert later.json() != first


def test_a_first_request_still_running_is_409(house, api):
    client = api(house.viewer)
    client.post(TICKETS, {"path": "/x"}, HTTP_IDEMPOTENCY_KEY="k")
    StoredAnswer.system.update(status=None)
    answer = client.post(TICKETS, {"path": "/x"}, HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")


def test_refused_requests_are_answered_the_same_again(house, api):
    client = api(house.viewer)
    assert client.post(TICKETS, {}, HTTP_IDEMPOTENCY_KEY="k").status_code == 422
    again = client.post(TICKETS, {}, HTTP_IDEMPOTENCY_KEY="k")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (422, "true")
    assert client.post(TICKETS, {}, HTTP_IDEMPOTENCY_KEY="k" * 129).status_code == 422


def test_what_breaks_says_so_in_json_and_tells_nothing(house, api, monkeypatch):
    monkeypatch.setattr("tenants.selectors.roles_of", lambda *_: 1 / 0)
    client = api(house.viewer)
    client.raise_request_exception = False
    answer = client.get("/api/auth/me")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "division" not in answer.content.decode()


def test_probes_name_only_names(db, api):
    assert api().get("/healthz").json() == {"status": "ok"}
    ready = api().get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"] == dict.fromkeys(["database", "broker", "migrations", "space", "storage"], "ok")


def test_readiness_fails_with_the_broker(db, api, monkeypatch):
    monkeypatch.setitem(checks.CHECKS, "broker", lambda: ["away"])
    answer = api().get("/readyz/")
    assert (answer.status_code, answer.json()["checks"]["broker"]) == (503, "failed")
