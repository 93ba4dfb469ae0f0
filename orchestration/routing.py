"""Addresses of sockets."""

from django.urls import path, re_path

from orchestration.consumers import LiveSections, NoSuchSocket

websocket_urlpatterns = [
    path("ws/live/", LiveSections.as_asgi()),
    re_path("", NoSuchSocket.as_asgi()),
]
