"""Sending a notice: a call without an agent, recorded as a step (CKP 2.6)."""

import hashlib
from email.utils import parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.message import sanitize_address
from django.core.validators import validate_email

from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.records import to_json
from orchestration.runtime.stepping import RecordedStep

EMAIL: Final = "email"
MOST_RECIPIENTS: Final = 100


class NoticeCall:
    """One attempt at sending a notice."""

    slot = None
    """Nothing is held."""

    def __init__(self, run: RecordedStep) -> None:
        self.run = run

    def result(self) -> Json:
        """The id of the delivery, the same for every attempt. Raises `StepFailed`."""
        content = self._content()
        to_json(content)
        self.run.shown = {"channel": EMAIL, **content}
        seconds = self.run.timeout_ms(settings.ENV.AGENT_TIMEOUT_SECONDS * 1000) / 1000
        visit = self.run.visit
        with visit.drive.calling(visit.look):
            with visit.drive.transaction():
                self.run.started()
                self._tell_started()
            with visit.drive.crowd.baton.aside():
                return self._send(content, seconds)

    def settle(self) -> None:
        """Nothing is held."""

    def cut(self, reason: str) -> None:
        """Nothing is held."""

    def _content(self) -> dict[str, Any]:
        fields, visit, place = self.run.step.parameters, self.run.visit, self.run.place
        channel = str(fields["channel"]).strip().lower()
        if channel != EMAIL:
            raise StepFailed(Error("no_executor", f"There is no notice channel named {channel}; email is one."))
        given = visit.value(fields.get("recipients"), *place, "recipients")
        recipients = [str(one).strip() for one in (given if isinstance(given, list) else [given]) if one]
        if not recipients or len(recipients) > MOST_RECIPIENTS:
            raise StepFailed(Error("invalid_value", f"A notice has 1 to {MOST_RECIPIENTS} recipients."))
        if (wrong := next((one for one in recipients if not _is_address(one)), None)) is not None:
            raise StepFailed(Error("invalid_value", f"A recipient is one mail address, not {wrong[:80]!r}."))
        subject = visit.text(str(fields.get("subject") or ""), *place, "subject")
        message = visit.text(str(fields["message"]), *place, "message")
        return {"recipients": recipients, "subject": " ".join(subject.split()), "message": message}

    def _tell_started(self) -> None:
        told: dict[str, Any] = {"action": self.run.step.action, "binding": "notify"}
        self.run.emit("step_started", self.run.with_params(told, self.run.shown))

    def _send(self, content: dict[str, Any], seconds: float) -> str:
        delivery = f"{hashlib.sha256(self.run.key.encode()).hexdigest()[:32]}@langorch"
        mail = EmailMessage(
            content["subject"] or str(self.run.visit.drive.run),
            content["message"],
            to=content["recipients"],
            headers={"Message-ID": f"<{delivery}>"},
            connection=get_connection(timeout=seconds),
        )
        try:
            mail.send()
        except TimeoutError:
            details = {"timeout_ms": seconds * 1000}
            raise StepFailed(Error("timeout", "The mail server did not answer in time.", details=details)) from None
        except OSError as error:
            raise StepFailed(Error("agent_unreachable", f"The mail could not be sent: {error}")) from None
        return delivery


def _is_address(text: str) -> bool:
    """Whether a mail server can be given a text as a recipient: one address, perhaps with a name before it."""
    try:
        validate_email(parseaddr(text)[1])
        sanitize_address(text, "utf-8")
    except (ValidationError, ValueError):
        return False
    return True
