"""The site's settings with two more addresses: the yardsticks, behind the same server and middleware."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.urls"
