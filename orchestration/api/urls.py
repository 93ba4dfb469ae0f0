"""Addresses of runs, below /api."""

from django.urls import path

from orchestration.api import stream, views

urlpatterns = [
    path("runs", views.Runs.as_view(), name="api-runs"),
    path("runs/<str:run_id>", views.OneRun.as_view(), name="api-run"),
    path("runs/<str:run_id>/cancel", views.CancelRun.as_view(), name="api-run-cancel"),
    path("runs/<str:run_id>/retry", views.RetryRun.as_view(), name="api-run-retry"),
    path("runs/<str:run_id>/events", views.RunEvents.as_view(), name="api-run-events"),
    path("runs/<str:run_id>/stream", stream.RunEventStream.as_view(), name="api-run-stream"),
]
