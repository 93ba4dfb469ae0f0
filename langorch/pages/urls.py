"""Addresses of the shell itself."""

from django.urls import path

from langorch.pages import gallery, waiting

urlpatterns = [
    path("approvals/waiting", waiting.show, name="approvals-waiting"),
    path("gallery", gallery.show, name="gallery"),
]
