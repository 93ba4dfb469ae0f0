"""Addresses of the pages about procedures."""

from django.urls import path

from procedures import views

urlpatterns = [
    path("procedures", views.procedures, name="procedures"),
    path("procedures/<str:procedure_id>", views.procedure, name="procedure"),
    path("procedures/<str:procedure_id>/<str:version>", views.version, name="version"),
    path("procedures/<str:procedure_id>/<str:version>/status", views.change_status, name="version-status"),
    path("import", views.import_document, name="import"),
]
