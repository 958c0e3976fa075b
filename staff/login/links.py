"""One-time links: how somebody begins here, and how a lost password is replaced. They never skip the second factor."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


class _Links(PasswordResetTokenGenerator):
    """Good until used, until its owner logs in, or for a day (PASSWORD_RESET_TIMEOUT): nothing is stored."""

    key_salt = "staff.login.links"


_links = _Links()


def one_time_link(user: User) -> str:
    """The address at which this person chooses a password. Whoever has it becomes them: hand it over in person."""
    where = [urlsafe_base64_encode(force_bytes(user.pk)), _links.make_token(user)]
    return f"{settings.SITE_URL}{reverse('begin', args=where)}"


def owner_of(uid: str, token: str) -> User | None:
    """Whose link this is, where it is still good."""
    try:
        key = int(urlsafe_base64_decode(uid))
    except ValueError:
        return None
    user = User.objects.filter(pk=key, is_active=True).first()
    return user if user and _links.check_token(user, token) else None
