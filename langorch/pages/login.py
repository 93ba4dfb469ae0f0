"""Logging people in and out on pages."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse

from langorch.lib.errors import TooMany


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


class Logout(LogoutView):
    """Ends the session; a POST only, so that a link cannot log people out."""

    access = "any"
    http_method_names = ["post", "options"]
