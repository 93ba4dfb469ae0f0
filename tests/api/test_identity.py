"""Who one is to the API: logging in and out, tokens, sessions, tickets."""

import jwt
import pytest
from django.conf import settings
from rest_framework.test import APIClient

from langorch.lib import signing
from langorch.lib.errors import NotAuthenticated
from tenants import services
from tenants.actor import system
from tenants.auth import tickets, tokens
from tenants.models import AccessToken, AuditEntry, Membership
from tests import people
from tests.people import PASSWORD

LOGIN = "/api/auth/login"


def log_in(client, username, password=PASSWORD, **headers):
    return client.post(LOGIN, {"username": username, "password": password}, **headers)


def bearer(token):
    client = people.api_client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_login_hands_out_a_token_that_works(house, api):
    answer = log_in(api(), "operator")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["identity"], body["roles"]) == ("bearer", "operator", ["operator"])
    assert body["expires_in"] == 60 * settings.ENV.AUTH_TOKEN_EXPIRE_MINUTES
    assert bearer(body["access_token"]).get("/api/auth/me").json()["identity"] == "operator"


def test_login_is_audited_and_so_is_logout(house, api):
    token = log_in(api(), "viewer").json()["access_token"]
    assert bearer(token).post("/api/auth/logout").status_code == 204
    actions = AuditEntry.system.filter(user=house.viewer, category="auth").order_by("ts").values_list("action", "via")
    assert list(actions) == [("auth.login", "api"), ("auth.logout", "api")]


def test_wrong_password_is_401_in_the_shape_of_errors(house, api):
    answer = log_in(api(), "operator", "wrong")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Name or password is wrong.", "code": "invalid_credentials"}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert AuditEntry.system.filter(action="auth.login_failed", user=house.operator).count() == 1


def test_unknown_and_disabled_people_get_the_same_answer(house, api):
    house.operator.is_active = False
    house.operator.save()
    assert log_in(api(), "operator").json() == log_in(api(), "nobody-here").json()


def test_five_wrong_passwords_close_the_account_for_that_address(house, api, standing_clock):
    client = api()
    assert [log_in(client, "operator", "wrong").status_code for _ in range(5)] == [401] * 5
    refused = log_in(client, "OPERATOR")
    assert (refused.status_code, refused.json()["code"]) == (429, "login_throttled")
    assert refused.headers["Retry-After"] == "900"
    assert log_in(client, "viewer").status_code == 200
    assert log_in(client, "operator", REMOTE_ADDR="10.0.0.9").status_code == 200
    standing_clock.advance(minutes=15, seconds=1)
    assert log_in(client, "operator").status_code == 200


def test_a_good_login_forgets_the_failures(house, api, standing_clock):
    client = api()
    for _ in range(3):
        assert [log_in(client, "operator", "wrong").status_code for _ in range(4)] == [401] * 4
        assert log_in(client, "operator").status_code == 200


def test_login_asks_for_both_fields(house, api):
    answer = api().post(LOGIN, {"username": "operator"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [place["field"] for place in answer.json()["errors"]] == ["password"]


def test_a_stale_token_does_not_keep_one_from_logging_in(house):
    assert log_in(bearer("rubbish"), "operator").status_code == 200


def test_member_of_nothing_cannot_log_in(house, api):
    people.make_person("loner")
    answer = log_in(api(), "loner")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_token_ends_with_logout_expiry_and_disabling(house, api, standing_clock):
    for end in ("logout", "expiry", "disabling"):
        token = tokens.issue(house.operator, house.tenant.pk).token
        client = bearer(token)
        assert client.get("/api/auth/me").status_code == 200
        if end == "logout":
            client.post("/api/auth/logout")
        elif end == "expiry":
            standing_clock.advance(minutes=settings.ENV.AUTH_TOKEN_EXPIRE_MINUTES)
        else:
            house.operator.is_active = False
            house.operator.save()
        answer = client.get("/api/auth/me")
        expected = "token_expired" if end == "expiry" else "token_revoked"
        assert (answer.status_code, answer.json()["code"]) == (401, expected), end


def test_roles_are_read_at_each_request(house, api):
    client = api(house.operator)
    assert "runs.start" in client.get("/api/auth/me").json()["permissions"]
    services.revoke_role(system(house.tenant.pk), Membership.system.get(user=house.operator))
    services.grant_role(system(house.tenant.pk), house.operator, "viewer", house.tenant)
    assert client.get("/api/auth/me").json()["permissions"] == ["view"]


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


@pytest.mark.parametrize("change", ["purpose", "sub", "tenant", "jti", "none", "key", "garbage"])
def test_forged_tokens_are_refused(house, change):
    token = tokens.issue(house.operator, house.tenant.pk).token
    claims, key = claims_of(token), signing.keys(tokens.PURPOSE)[0]
    if change in claims:
        claims[change] = str(house.admin.pk)
        forged = jwt.encode(claims, key, algorithm="HS256")
    elif change == "none":
        forged = jwt.encode(claims, "", algorithm="none")
    elif change == "key":
        forged = jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256")
    else:
        forged = token[:-4] + "AAAA"
    answer = bearer(forged).get("/api/auth/me")
    assert answer.status_code == 401
    assert answer.json()["code"] in {"invalid_credentials", "token_revoked"}


def test_a_token_signed_with_a_former_key_still_works(house, settings):
    token = tokens.issue(house.operator, house.tenant.pk).token
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-at-least-thirty-two-bytes"
    assert bearer(token).get("/api/auth/me").status_code == 200


def test_me_says_everything_about_oneself(house, api):
    services.grant_role(system(house.tenant.pk), house.clerk, "approver", house.project)
    me = api(house.clerk).get("/api/auth/me").json()
    assert me["roles"] == ["operator", "approver"]
    assert (me["role"], me["tenant"], me["email"]) == ("operator", "acme", "clerk@example.test")
    assert me["tenants"] == [{"slug": "acme", "name": "Acme"}]
    assert me["projects"] == [{"project_id": str(house.project.pk), "name": "Finance"}]
    assert {"view", "runs.start", "approvals.decide"} <= set(me["permissions"])


def test_tenant_is_chosen_by_header_among_ones_own(house, api, browser):
    services.grant_role(system(house.elsewhere.pk), house.viewer, "operator", house.elsewhere)
    client = api(house.viewer)
    assert client.get("/api/auth/me", HTTP_X_TENANT="elsewhere").json()["roles"] == ["operator"]
    assert client.get("/api/auth/me").json()["tenant"] == "acme"
    for outsider in (api(house.operator), browser(house.operator)):
        assert outsider.get("/api/auth/me", HTTP_X_TENANT="elsewhere").status_code == 404
    assert browser(people.make_person("loner")).get("/api/auth/me").status_code == 403


def test_session_may_read_and_needs_the_csrf_token_to_write(house):
    client = APIClient(enforce_csrf_checks=True)
    client.default_format = "json"
    client.force_login(house.operator, backend="tenants.auth.password.PasswordBackend")
    assert client.get("/api/auth/me").json()["identity"] == "operator"
    refused = client.post("/api/stream-tickets", {"path": "/runs/x/stream"})
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_denied")
    client.get("/api/docs")
    token = client.cookies["csrftoken"].value
    answer = client.post("/api/stream-tickets", {"path": "/runs/x/stream"}, HTTP_X_CSRFTOKEN=token)
    assert answer.status_code == 201
    client.post("/api/auth/logout", HTTP_X_CSRFTOKEN=token)
    assert client.get("/api/auth/me").status_code == 401


def test_ticket_is_for_one_path_one_use_and_thirty_seconds(house, api, standing_clock):
    answer = api(house.viewer).post("/api/stream-tickets", {"path": "/runs/7/stream"})
    assert (answer.status_code, answer.json()["expires_in"]) == (201, 30)
    assert tickets.redeem(answer.json()["ticket"], "/api/runs/7/stream") == (str(house.viewer.pk), "acme")
    assert redeem_code(answer.json()["ticket"], "/api/runs/7/stream") == "token_revoked"
    other = api(house.viewer).post("/api/stream-tickets", {"path": "/api/runs/7/stream"}).json()["ticket"]
    assert redeem_code(other, "/api/runs/8/stream") == "invalid_credentials"
    assert redeem_code(other + "x", "/api/runs/7/stream") == "invalid_credentials"


def redeem_code(ticket, path):
    with pytest.raises(NotAuthenticated) as refused:
        tickets.redeem(ticket, path)
    return refused.value.code


def test_a_ticket_opens_its_stream_without_headers(house, api):
    ticket = api(house.viewer).post("/api/stream-tickets", {"path": "/approvals/stream"}).json()["ticket"]
    opened = api().get(f"/api/approvals/stream?ticket={ticket}")
    assert (opened.status_code, opened.headers["Content-Type"]) == (200, "text/event-stream")
    assert api().get(f"/api/approvals/stream?ticket={ticket}").json()["code"] == "token_revoked"
    other = api(house.viewer).post("/api/stream-tickets", {"path": "/approvals/stream"}).json()["ticket"]
    assert api().get(f"/api/auth/me?ticket={other}").status_code == 401
    house.viewer.is_active = False
    house.viewer.save()
    assert api().get(f"/api/approvals/stream?ticket={other}").status_code == 401


def test_a_session_ends_with_its_longest_life(house, browser, standing_clock):
    client = browser(house.viewer)
    for _ in range(settings.ENV.SESSION_MAX_HOURS):
        assert client.get("/api/auth/me").status_code == 200
        standing_clock.advance(hours=1)
    standing_clock.advance(seconds=1)
    assert client.get("/api/auth/me").status_code == 401
    assert client.get("/gallery").headers["Location"].startswith("/login")


def test_expired_rows_are_not_needed_for_expired_tokens(house, standing_clock):
    token = tokens.issue(house.operator, house.tenant.pk).token
    AccessToken.system.all().delete()
    assert bearer(token).get("/api/auth/me").json()["code"] == "token_revoked"
    standing_clock.advance(hours=2)
    assert bearer(token).get("/api/auth/me").json()["code"] == "token_expired"
