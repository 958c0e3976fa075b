"""Fixtures for all tests; the environment they run in is made in tests/environment.py."""

from hypothesis import settings

# Rendering a page takes 10 ms on a quiet machine; a deadline would only measure the neighbours.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

pytest_plugins = ["tests.fixtures"]
