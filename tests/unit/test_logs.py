"""Lines of the log hold no secret: neither under telling names nor as a value that was resolved here."""

import io
import json
import logging

import pytest
import structlog

from langorch.lib import redaction
from langorch.lib.redaction import REDACTED
from langorch.settings.logs import configure

SECRET = "seven-loud-drums"


@pytest.fixture
def written(monkeypatch):
    """What the loggers of this test wrote, as the lines of a JSON log."""
    monkeypatch.setattr(redaction, "SEEN", redaction.Redactor(secrets=[SECRET]))
    before = structlog.get_config()
    formatter = dict(configure("json", "INFO")["formatters"]["structured"])
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    structlog.configure(**before)


def test_values_and_telling_names_are_masked(written):
    log = structlog.get_logger("tests.logs")
    log.warning("sent", url=f"https://x.test/?k={SECRET}", headers={"Authorization": "Basic x", "n": 1}, api_key="x")
    (line,) = written()
    assert line["url"] == f"https://x.test/?k={REDACTED}"
    assert line["headers"] == {"Authorization": REDACTED, "n": 1}
    assert line["api_key"] == REDACTED
    assert line["event"] == "sent"


def test_other_loggers_and_tracebacks_are_masked_too(written):
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError:
        structlog.get_logger("tests.logs").exception("failed")
        logging.getLogger("tests.logs.library").exception("broke on %s", SECRET)
    text = json.dumps(written())
    assert SECRET not in text
    assert text.count(f"cannot use {REDACTED}") == 2
    assert f"broke on {REDACTED}" in text
