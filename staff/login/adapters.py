"""What allauth asks us: nobody signs up, no mail is sent, and secrets are sealed in the database."""

from __future__ import annotations

import base64
from typing import Any, Final, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from staff.login.factors import SECOND_FACTORS, has_second_factor, recently_authenticated
from web.identities import main
from web.redaction import SafeWords

#: In the session between password and second factor: a mark of the password.
BEGUN_WITH: Final = "login.begun-with"


class SealedUnderAnotherKey(SafeWords):
    """A second factor that no key of today opens: FACTORS_KEY was changed, or SECRET_KEY where that stood in for it."""

    WORDS: Final = (
        "This second factor was sealed under another key, and cannot be opened. Whoever runs the site has to put the "
        "earlier one into FACTORS_KEY_FALLBACKS, or an earlier SECRET_KEY into SECRET_KEY_FALLBACKS."
    )

    def __str__(self) -> str:
        return self.WORDS


class StaffAdapter(DefaultAccountAdapter):
    """The account part of allauth, for people whom an administrator let in."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """For the list of one's own sessions: the address that the outermost proxy we trust saw.

        Where it knew none, the address that means none (RFC 1122 section 3.2.1.3): the column wants one.
        """
        from web.senders import client_address

        return client_address(request) or "0.0.0.0"  # noqa: S104 nothing listens on it

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index")

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_login")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """A closed login looks like one that does not exist."""
        return HttpResponseRedirect(reverse("account_login"))

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        """Whoever begins with this password ends with it: see login()."""
        request.session[BEGUN_WITH] = user.get_session_auth_hash()
        return cast(HttpResponse | None, super().pre_login(request, user, **kwargs))

    def login(self, request: HttpRequest, user: Any) -> None:
        """A password that was replaced between it and the second factor opens nothing any more."""
        if request.session.pop(BEGUN_WITH, "") != user.get_session_auth_hash():
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))
        super().login(request, user)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return not recently_authenticated(context.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The second factor where there is one; a password alone is what was stolen."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if has_second_factor(user):
            return [method for method in methods if method["id"] != "reauthenticate"]
        return methods

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Web sends no mail."""


class SecondFactorAdapter(DefaultMFAAdapter):
    """The second factors: sealed, and never without one."""

    def get_totp_issuer(self) -> str:
        return main().name

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())

    def _get_user_identifier(self, user: Any) -> str:
        return str(user.get_username())

    def _get_site_name(self) -> str:
        return main().name

    def encrypt(self, text: str) -> str:
        """TOTP secrets and the seeds of recovery codes: a dump of the database lets nobody in."""
        return _seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Raises SealedUnderAnotherKey."""
        try:
            return _seal().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            raise SealedUnderAnotherKey from None

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """The last second factor stays: make another one first."""
        others = Authenticator.objects.filter(user=authenticator.user_id, type__in=SECOND_FACTORS)
        return others.exclude(pk=authenticator.pk).exists()


def reseal(sealed: str) -> str | None:
    """The same under the key of now; None where it is. Raises SealedUnderAnotherKey."""
    newest = Fernet(_derived(_keys()[0]))
    try:
        newest.decrypt(sealed.encode())
    except InvalidToken:
        adapter = SecondFactorAdapter()
        return adapter.encrypt(adapter.decrypt(sealed))
    return None


def _seal() -> MultiFernet:
    """The first key seals; the others open what they sealed."""
    return MultiFernet([Fernet(_derived(key)) for key in _keys()])


def _keys() -> list[str]:
    """The desk's own, and what stood in for it before there was one."""
    own = [settings.FACTORS_KEY, *settings.FACTORS_KEY_FALLBACKS]
    return [key for key in (*own, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS) if key]


def _derived(key: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"undersigned second factors").derive(key.encode())
    return base64.urlsafe_b64encode(derived)
