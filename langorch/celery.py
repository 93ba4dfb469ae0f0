"""The Celery application. A message is a doorbell: it says "look", never what to do."""

from celery import Celery

from langorch import settings
from langorch.schedule import SCHEDULE

settings.choose()

app = Celery("langorch")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue="langorch",
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    beat_schedule=SCHEDULE,
)
app.autodiscover_tasks()
