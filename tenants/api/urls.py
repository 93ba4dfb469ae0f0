"""Addresses of identity, below /api."""

from django.urls import path

from tenants.api import views

urlpatterns = [
    path("auth/login", views.Login.as_view(), name="api-login"),
    path("auth/logout", views.Logout.as_view(), name="api-logout"),
    path("auth/me", views.Me.as_view(), name="api-me"),
    path("stream-tickets", views.StreamTickets.as_view(), name="api-stream-tickets"),
]
