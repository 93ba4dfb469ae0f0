"""Addresses of the shell itself."""

from django.urls import path

from langorch.pages import gallery, waiting
from langorch.pages.login import Login, Logout

urlpatterns = [
    path("login", Login.as_view(), name="login"),
    path("logout", Logout.as_view(), name="logout"),
    path("approvals/waiting", waiting.show, name="approvals-waiting"),
    path("gallery", gallery.show, name="gallery"),
]
