"""Officers with keys in use, and what a worker answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyrage
import pytest
from django.contrib.auth.models import User

from signatures.models import DeskKey
from signatures.register import keyring as keyrings
from signatures.register.recipients import pin_by_hand
from staff.models import Role


@pytest.fixture
def desk_key(db: None, keyring: keyrings.Keyring) -> str:
    """The workers' public half, as web reads it."""
    keyrings.publish_desk_key()
    return DeskKey.objects.get().recipient


@pytest.fixture
def officer(staff: Callable[..., User], keyring: keyrings.Keyring) -> Callable[..., tuple[User, Any]]:
    """Makes somebody with a key in use: (user, identity)."""

    def make(role: Role = Role.PRIVACY_OFFICER, where: Any = None, username: str = "") -> tuple[User, Any]:
        user, identity = staff(role, where, username), pyrage.x25519.Identity.generate()
        pin_by_hand(user, str(identity.to_public()))
        return user, identity

    return make
