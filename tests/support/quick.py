"""The settings of the sites that tests run: the site's own, but for what would only keep the tests waiting."""

from config.settings import *  # noqa: F403

#: Hashing a password takes half a second, on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
