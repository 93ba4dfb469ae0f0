"""Pages and API for a WSGI server."""

from django.core.wsgi import get_wsgi_application

from langorch import settings

settings.choose()
application = get_wsgi_application()
