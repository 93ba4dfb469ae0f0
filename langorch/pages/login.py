"""Logging people in and out on pages."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse

from langorch.lib.errors import TooMany
from tenants import audit, selectors
from tenants.addresses import client_address
from tenants.models import User


class Login(LoginView):
    """The login page; too many wrong passwords show as such, with status 429."""

    access = "public"
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooMany as refusal:
            form = AuthenticationForm(request)
            context = self.get_context_data(form=form, throttled=refusal.detail)
            return self.render_to_response(context, status=429, headers=dict(refusal.headers))

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        user = form.get_user()
        actor = selectors.actor_of(user, address=client_address(self.request)) if isinstance(user, User) else None
        if actor:
            audit.record(actor, "auth.login", f"{actor.name} logged in", resource=("user", actor.user_id))
        return response


class Logout(LogoutView):
    """Ends the session; a POST only, so that a link cannot log people out."""

    access = "public"
    http_method_names = ["post", "options"]
