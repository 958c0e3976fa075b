"""What is typed to log in: a login in any case; codes, each of which works once, until guessing ends."""

from __future__ import annotations

import re
from typing import Any, Final

from allauth.account.forms import LoginForm
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from staff.login.names import TYPED

#: Wrong codes an hour at one login, from all networks together.
MOST_WRONG_CODES: Final = 20
HOUR: Final = 3600


class PasswordForm(LoginForm):
    """Login and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs.update(TYPED)


class CodeForm(forms.Form):
    """Limits a login's authenticator codes, which are short. Whoever guesses them knows the password already.

    Nobody is locked out by it: passkeys and recovery codes, too long to be guessed, go on working.
    """

    user: Any
    authenticator: Authenticator

    def clean_code(self) -> str:
        # allauth ignores punctuation, so "123-456" is "123456" again; what was used is remembered as it is meant.
        typed = re.sub(r"[\W_]", "", self.cleaned_data["code"])
        self.cleaned_data["code"] = typed
        wrong = f"login-wrong-codes-{self.user.pk}"
        if len(typed) < settings.MFA_RECOVERY_CODE_DIGITS and cache.get(wrong, 0) >= MOST_WRONG_CODES:
            raise forms.ValidationError(
                _("Too many wrong codes. Use a passkey or a recovery code, then change your password.")
            )
        try:
            code: str = super().clean_code()  # type: ignore[misc]
            self._works_once(code)
        except forms.ValidationError:
            cache.add(wrong, 0, HOUR)
            cache.incr(wrong)
            raise
        return code

    def _works_once(self, code: str) -> None:
        """allauth remembers a code for one period; with a period's grace on either side it is good for three."""
        lifetime = settings.MFA_TOTP_PERIOD * (2 * settings.MFA_TOTP_TOLERANCE + 1)
        if not cache.add(f"login-used-code-{self.user.pk}-{code}", 1, lifetime):
            raise forms.ValidationError(_("This code was already used. Wait for the next one."))


class LoginCodeForm(CodeForm, AuthenticateForm):
    pass


class ReauthenticationCodeForm(CodeForm, ReauthenticateForm):
    pass
