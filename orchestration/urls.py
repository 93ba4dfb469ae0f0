"""Addresses of the pages about runs."""

from django.urls import path

from orchestration.views import bulk, compare, fork, run, runs, start

urlpatterns = [
    path("", runs.now, name="now"),
    path("runs", runs.runs, name="runs"),
    path("runs/bulk", bulk.bulk, name="runs-bulk"),
    path("runs/bulk/<uuid:bulk_id>", bulk.bulk_job, name="bulk-job"),
    path("runs/bulk/<uuid:bulk_id>/cancel", bulk.bulk_cancel, name="bulk-cancel"),
    path("runs/cleanup", bulk.clean_up, name="runs-cleanup"),
    path("runs/<uuid:run_id>", run.run, name="run"),
    path("runs/<uuid:run_id>/cancel", run.cancel, name="run-cancel"),
    path("runs/<uuid:run_id>/retry", run.retry, name="run-retry"),
    path("runs/<uuid:run_id>/compare/<uuid:other_id>", compare.compare, name="run-compare"),
    path("runs/<uuid:run_id>/fork", fork.fork, name="run-fork"),
    path("runs/<uuid:run_id>/compensate", run.compensate, name="run-compensate"),
    path("runs/<uuid:run_id>/pause", run.pause, name="run-pause"),
    path("runs/<uuid:run_id>/resume", run.resume, name="run-resume"),
    path("procedures/<str:procedure_id>/<str:version>/start", start.start, name="start"),
]
