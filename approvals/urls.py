"""Addresses of the pages of approvals."""

from django.urls import path

from approvals import views

urlpatterns = [
    path("approvals", views.inbox, name="approvals"),
    path("approvals/<uuid:approval_id>", views.approval, name="approval"),
    path("approve/<str:token>", views.link, name="approve"),
    path("mailbox", views.mails, name="mailbox"),
    path("mailbox/<str:name>", views.mail, name="mail"),
]
