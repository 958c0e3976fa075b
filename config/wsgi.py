"""The web server's door: `granian --interface wsgi config.wsgi:application`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ROLE", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
