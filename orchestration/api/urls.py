"""Addresses of runs, below /api."""

from django.urls import path

from orchestration.api import artifacts, compare, many, records, stream, views

urlpatterns = [
    path("runs", views.Runs.as_view(), name="api-runs"),
    path("queue", records.Queue.as_view(), name="api-queue"),
    path("runs/queue", records.Queue.as_view(), name="api-runs-queue"),
    path("runs/cleanup/history", many.CleanUp.as_view(), name="api-runs-cleanup"),
    path("runs/bulk", many.BulkRuns.as_view(), name="api-runs-bulk"),
    path("bulk/<str:bulk_id>", many.OneBulk.as_view(), name="api-bulk"),
    path("bulk/<str:bulk_id>/cancel", many.CancelBulk.as_view(), name="api-bulk-cancel"),
    path("runs/<str:run_id>", views.OneRun.as_view(), name="api-run"),
    path("runs/<str:run_id>/cancel", views.CancelRun.as_view(), name="api-run-cancel"),
    path("runs/<str:run_id>/retry", views.RetryRun.as_view(), name="api-run-retry"),
    path("runs/<str:run_id>/compensate", views.CompensateRun.as_view(), name="api-run-compensate"),
    path("runs/<str:run_id>/pause", views.PauseRun.as_view(), name="api-run-pause"),
    path("runs/<str:run_id>/resume", views.ResumeRun.as_view(), name="api-run-resume"),
    path("runs/<str:run_id>/fork", views.ForkRun.as_view(), name="api-run-fork"),
    path("runs/<str:run_id>/compare/<str:other_id>", compare.CompareRuns.as_view(), name="api-run-compare"),
    path("runs/<str:run_id>/events", views.RunEvents.as_view(), name="api-run-events"),
    path("runs/<str:run_id>/stream", stream.RunEventStream.as_view(), name="api-run-stream"),
    path("runs/<str:run_id>/steps", records.RunSteps.as_view(), name="api-run-steps"),
    path("runs/<str:run_id>/artifacts", artifacts.RunArtifacts.as_view(), name="api-run-artifacts"),
    path("artifacts/<path:artifact_path>", artifacts.OneArtifact.as_view(), name="api-artifact"),
    path("runs/<str:run_id>/diagnostics", records.RunDiagnostics.as_view(), name="api-run-diagnostics"),
    path("runs/<str:run_id>/checkpoints", records.RunCheckpoints.as_view(), name="api-run-checkpoints"),
    path(
        "runs/<str:run_id>/checkpoints/<str:checkpoint_id>",
        records.RunCheckpoint.as_view(),
        name="api-run-checkpoint",
    ),
]
