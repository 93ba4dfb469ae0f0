"""Addresses of approvals, below /api."""

from django.urls import path

from approvals.api import views

urlpatterns = [
    path("approvals", views.Approvals.as_view(), name="api-approvals"),
    path("approvals/stream", views.Changes.as_view(), name="api-approvals-stream"),
    path("approvals/<uuid:approval_id>", views.Approval.as_view(), name="api-approval"),
    path("approvals/<uuid:approval_id>/decision", views.Decision.as_view(), name="api-approval-decision"),
]
