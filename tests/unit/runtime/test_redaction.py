"""Masking: telling names, named variables, known secret values; closed when it cannot finish."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langorch.lib.redaction import MAX_DEPTH, REDACTED, Redactor, is_telling


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "dbPassword",
        "user_passwd",
        "SECRET",
        "secrets",
        "access_token",
        "api-key",
        "apiKey",
        "APIKeys",
        "x-api-key",
        "privateKey",
        "access_key_id",
        "clientSecret",
        "Set-Cookie",
        "Authorization",
        "credentials",
        "basic_auth",
    ],
)
def test_names_that_tell(name: str):
    assert is_telling(name)


@pytest.mark.parametrize(
    "name",
    ["author", "authorized_by", "keyboard", "tokenizer", "compass", "monkey", "secretary", "key", "api"],
)
def test_names_that_do_not(name: str):
    assert not is_telling(name)


def test_values_under_telling_names_are_masked_at_any_depth():
    shown = Redactor().redact({"user": "mia", "login": {"password": "x", "items": [{"token": {"a": 1}}]}})
    assert shown == {"user": "mia", "login": {"password": REDACTED, "items": [{"token": REDACTED}]}}


def test_counts_of_tokens_are_shown():
    shown = Redactor().redact({"prompt_tokens": 12, "max_tokens": 4096, "refresh_tokens": ["x"], "token": None})
    assert shown == {"prompt_tokens": 12, "max_tokens": 4096, "refresh_tokens": REDACTED, "token": None}


def test_named_variables_are_masked_numbers_too():
    redactor = Redactor(names=["salary", "Max_Tokens"])
    assert redactor.redact({"Salary": 5, "max_tokens": 7, "name": "n"}) == {
        "Salary": REDACTED,
        "max_tokens": REDACTED,
        "name": "n",
    }


def test_secret_values_are_masked_in_texts_and_keys_in_every_spelling():
    secret = "s3cr&t value"
    redactor = Redactor(secrets=[secret])
    encoded = base64.b64encode(secret.encode()).decode()
    shown = redactor.redact({f"a {secret}": [f"b {encoded} c", "url?x=s3cr%26t%20value", "s3cr%26t+value"]})
    assert shown == {f"a {REDACTED}": [f"b {REDACTED} c", f"url?x={REDACTED}", REDACTED]}


def test_what_is_too_deep_is_masked_whole():
    value: object = "x"
    for _ in range(MAX_DEPTH + 2):
        value = [value]
    assert Redactor().redact({"a": value}) == REDACTED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.text(min_size=4, max_size=8))
def test_no_secret_is_left_anywhere(value: object, secret: str):
    redactor = Redactor(secrets=[secret])
    shown = redactor.redact({"value": value, "text": f"<{secret}>"})
    assert secret not in texts(shown).replace(REDACTED, "\0")


def texts(value: object) -> str:
    """All texts of a value, keys included."""
    if isinstance(value, dict):
        return "\1".join(f"{key}\1{texts(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "\1".join(texts(item) for item in value)
    return value if isinstance(value, str) else ""
