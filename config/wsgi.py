"""For the web server, of public and of the desk: `ROLE=public granian --interface wsgi config.wsgi:application`."""

import gc
import os
import sys
from importlib import import_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ROLE", "public")

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.urls import reverse

try:
    application = get_wsgi_application()
except ImproperlyConfigured as error:
    sys.exit(f"Not configured: {error}")

# Addresses with all their views, and what rings a worker, are loaded with the first that need them otherwise: a new
# process kept its first visitors waiting for seconds.
reverse("home")
import_module("config.celery")

# What is loaded by now stays. Left where it was, the collector looks at all of it again and again: of a process that
# takes signatures, `perf` saw it do so in one sample of twenty-three.
gc.collect()
gc.freeze()
