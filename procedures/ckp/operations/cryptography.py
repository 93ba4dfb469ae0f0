"""Operations with keys: digests, encryption."""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from langorch.lib import ids
from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.functions.choice import read_json
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.operations.work import Work, as_text
from procedures.ckp.values import Json, canonical_json

PREFIX: Final = "enc:1:"
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"langorch value encryption 1"


def digest(work: Work, source: Json) -> Json:
    """Lower-case hex digest of a text, or of the canonical JSON of another value."""
    data = (source if isinstance(source, str) else canonical_json(source)).encode("utf-8", "surrogatepass")
    algorithm = work.literal("algorithm", "sha256")
    if algorithm == "hmac-sha256":
        return hmac.new(_secret(work).encode(), data, "sha256").hexdigest()
    if algorithm not in ("sha256", "sha512"):
        raise invalid(f"There is no algorithm “{algorithm}”.")
    return hashlib.new(algorithm, data).hexdigest()


def encrypt(work: Work, source: Json) -> Json:
    """`enc:1:` and base64 of nonce and AES-256-GCM text of the value's JSON."""
    nonce = bytes.fromhex(ids.token(_NONCE_BYTES))
    sealed = AESGCM(_key(work)).encrypt(nonce, canonical_json(source).encode(), None)
    return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode()


def decrypt(work: Work, source: Json) -> Json:
    """The value of an encrypted text."""
    text = as_text(source)
    if not text.startswith(PREFIX):
        raise invalid("The text is not encrypted by `encrypt`.")
    try:
        sealed = base64.urlsafe_b64decode(text.removeprefix(PREFIX))
        opened = AESGCM(_key(work)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        return read_json(opened.decode())
    except (binascii.Error, InvalidTag, ValueError, EvaluationError):
        raise invalid("The text cannot be decrypted with this key.") from None


def _key(work: Work) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return derivation.derive(_secret(work).encode())


def _secret(work: Work) -> str:
    alias = as_text(work.need("key_reference"))
    if work.tools.key is None:
        raise OperationError("secret_unavailable", f"There is no way to the key “{alias}” here.")
    return work.tools.key(alias)
