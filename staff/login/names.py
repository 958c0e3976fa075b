"""What a login may be called, so that nobody is taken for somebody else; and which one is meant by what is typed."""

from __future__ import annotations

import unicodedata
from typing import Final

from django.contrib.auth.models import User
from django.contrib.auth.validators import ASCIIUsernameValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

#: For an input that takes a login: phones begin what is typed with a capital, and mend what they do not know.
TYPED: Final = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}
#: Small letters of Cyrillic and Greek that look like Latin ones, and signs that look like letters.
_ALIKE: Final = str.maketrans("авекмнорстухіјѕԁһԛԝӏαβεικνορτυχ01i|", "abekmhopctyxijsdhqwlabeiknoptuxolll")


def known_as(typed: str) -> str:
    """The login that is meant, whatever its case; what was typed where there is none, or more than one."""
    typed = unicodedata.normalize("NFKC", typed).strip()
    found = list(User.objects.filter(username__iexact=typed).values_list("username", flat=True)[:2])
    return found[0] if len(found) == 1 else typed


def refuse_mistakable(username: str) -> None:
    """Raises ValidationError for a new login of other letters than a–z, or one that looks like another's."""
    words = _("Only the letters a–z, digits and @ . + - _, please: others look like these.")
    ASCIIUsernameValidator(message=words)(username)
    shown = _looks(username)
    other = next((name for name in User.objects.values_list("username", flat=True) if _looks(name) == shown), None)
    if other is not None:
        raise ValidationError(_("There is a login that looks like this: %(login)s."), params={"login": other})


def _looks(username: str) -> str:
    """What of a login tells it from others at a glance."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", username).casefold()).translate(_ALIKE)
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign)).translate(_ALIKE)
    return bare.replace("rn", "m").replace("vv", "w")
