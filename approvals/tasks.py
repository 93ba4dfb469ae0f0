"""Jobs of approvals."""

from celery import shared_task

from approvals import notices


@shared_task(name=notices.SEND)
def send_notices() -> None:
    """Send the approval mails that are due."""
    notices.send_due()
