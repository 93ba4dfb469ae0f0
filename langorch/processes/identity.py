"""The name of this process among others."""

import os
import socket

from django.conf import settings


def process_name() -> str:
    """WORKER_ID, else host and number of the process."""
    return settings.ENV.WORKER_ID or f"{socket.gethostname()}-{os.getpid()}"
