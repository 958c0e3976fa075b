"""Who is logged in, with the roles that every page asks for."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from staff.login.names import known_as


class StaffBackend(ModelBackend):
    """Loads the memberships along with the person: one query a request, not one a question.

    Both are read anew at each request, so a revoked role or a closed login stops with the next click.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """A login has no case: phones begin it with a capital."""
        name = known_as(username) if username else username
        return super().authenticate(request, username=name, password=password, **kwargs)

    def get_user(self, user_id: int) -> User | None:
        user = User.objects.prefetch_related("memberships").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
