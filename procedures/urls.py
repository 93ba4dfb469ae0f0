"""Addresses of the pages about procedures."""

from django.urls import path

from procedures import views, views_analysis

urlpatterns = [
    path("procedures", views.procedures, name="procedures"),
    path("procedures/<str:procedure_id>", views.procedure, name="procedure"),
    path("procedures/<str:procedure_id>/diff", views_analysis.diff, name="procedure-diff"),
    path("procedures/<str:procedure_id>/<str:version>", views.version, name="version"),
    path("procedures/<str:procedure_id>/<str:version>/status", views.change_status, name="version-status"),
    path("procedures/<str:procedure_id>/<str:version>/explain", views_analysis.explain, name="version-explain"),
    path("procedures/<str:procedure_id>/<str:version>/callers", views_analysis.callers, name="version-callers"),
    path("import", views.import_document, name="import"),
]
