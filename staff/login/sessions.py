"""How long a session lasts: not longer than a working day, and not longer than its owner is there."""

from __future__ import annotations

import time
from typing import Any, Final

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

BEGAN: Final = "login.began"
SEEN: Final = "login.seen"
#: Seconds between two notes that somebody is still there: each is a write.
NOTE_EVERY: Final = 60
#: What a page that asks again by itself says (static/js/desk/): nobody need be there.
POLLS: Final = "HTTP_X_POLL"


def has_ended(request: HttpRequest) -> bool:
    """Whether the session is too old, or was left alone for too long."""
    return seconds_left(request) < 0


def seconds_left(request: HttpRequest) -> float:
    """How long the session goes on if nobody does anything; below zero once it has ended."""
    began, seen = request.session.get(BEGAN, 0), request.session.get(SEEN, 0)
    ends = min(began + settings.SESSION_COOKIE_AGE, seen + settings.STAFF_IDLE.total_seconds())
    return ends - time.time()


def is_poll(request: HttpRequest) -> bool:
    """Whether a page asks by itself, by a script: a screen that is left open is nobody at work."""
    return POLLS in request.META


def note_presence(request: HttpRequest) -> None:
    """Remember that somebody is there."""
    if time.time() - request.session.get(SEEN, 0) < min(NOTE_EVERY, settings.STAFF_IDLE.total_seconds() / 4):
        return
    request.session[SEEN] = time.time()
    UserSession.objects.filter(session_key=request.session.session_key).update(last_seen_at=timezone.now())


def end_sessions_of(user: User, *, but: str | None = None) -> None:
    """Log this person out everywhere, at once; `but`: the key of a session that stays."""
    sessions = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    Session.objects.filter(session_key__in=sessions.values("session_key")).delete()
    sessions.delete()


def note_beginning(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    request.session[BEGAN] = request.session[SEEN] = time.time()


def note_new_factor(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    """Whoever has just made a second factor has shown it: no second code is asked for the same minute."""
    from allauth.account.internal.flows.login import record_authentication

    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


def note_lost_factor(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Who removes a factor has lost it, perhaps to somebody who is logged in with it."""
    end_sessions_of(user, but=request.session.session_key)


user_logged_in.connect(note_beginning, dispatch_uid="login.began")
authenticator_added.connect(note_new_factor, dispatch_uid="login.factor")
authenticator_removed.connect(note_lost_factor, dispatch_uid="login.lost-factor")
