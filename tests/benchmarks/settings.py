"""The site's settings with the yardsticks' addresses, behind the same server and middleware."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.urls"
