"""A fresh `startproject`'s settings, as it made them (YARDSTICK names its package), and what any deployment adds."""

import os
from importlib import import_module

made = import_module(f"{os.environ['YARDSTICK']}.settings")
globals().update({name: getattr(made, name) for name in dir(made) if name.isupper()})

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*made.INSTALLED_APPS, "tests.benchmarks.yardstick"]
ROOT_URLCONF = "tests.benchmarks.yardstick.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["YARDSTICK_HOST"],
        "USER": os.environ["YARDSTICK_USER"],
        "NAME": os.environ["YARDSTICK"],
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 4}},
    }
}
