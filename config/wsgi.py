"""The web server's door: `granian --interface wsgi config.wsgi:application`."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ROLE", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

# What is loaded by now stays. Left where it was, the collector would look at all of it again and again: a twentieth of
# a process's time, and pauses of a tenth of a second. A request leaves little that only the collector can free.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 10, 10)
