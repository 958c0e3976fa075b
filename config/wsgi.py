"""The web server's door: `granian --interface wsgi config.wsgi:application`."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ROLE", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

# What is loaded by now stays. Left where it was, the collector looks at all of it again and again: of a process that
# takes signatures, `perf` saw it do so in one sample of twenty-three.
gc.collect()
gc.freeze()
