"""Form letters: set once, then addressed to many, a few bytes each.

Django builds a mail from nothing each time and folds every header anew, which took longer than sending it. It also
encodes what is too long for a line: a List-Unsubscribe as an encoded word, which is no address to any mail provider
(RFC 2047 section 5 allows it in words only; RFC 2369 wants a URL). Here that header stands as it has to.
"""

from __future__ import annotations

import binascii
import email.message
import email.policy
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import make_msgid
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.html import escape

from signatures.identity import ascii_domain, mailable

#: What may stand in a header as it is: atoms or a string in quotes (RFC 5322 section 3.2), an @, a domain.
_ADDRESS: Final = re.compile(r"""(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}|"[ !#-\[\]-~]{1,62}")@[A-Za-z0-9.-]{1,255}""")
#: Less than a line may be long (RFC 5322 section 2.1.1).
_LONGEST: Final = 900


class NotAnAddress(ValueError):
    """An address that mail cannot carry as it is."""


def place(name: str) -> str:
    """Stands in a text, which has to have it on a line of its own, where each reader's own link of that name comes."""
    return f"\x00{name}\x00"


class _Printed(email.message.EmailMessage):
    """A message that is bytes already."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    def as_bytes(self, *args: Any, **kwargs: Any) -> bytes:
        return self._content


class Letter(EmailMessage):
    """One copy, for Django's backends."""

    def __init__(self, content: bytes, from_email: str, address: str, text: str) -> None:
        super().__init__(body=text, from_email=from_email, to=[address])
        self._content = content

    def message(self, *, policy: email.policy.Policy[Any] | None = None) -> email.message.EmailMessage:
        return _Printed(self._content)


@dataclass(frozen=True, slots=True)
class FormLetter:
    """What is the same in every copy, with a place() for what is not."""

    text: str
    #: The same as HTML; "": as text alone.
    html: str
    from_email: str
    #: Headers that need no address, ready for the wire.
    head: bytes
    #: The domain of message ids: the site's, not the worker's host name.
    domain: str
    #: Between text and HTML. Neither encoding can say "=_" (RFC 2045 section 6.7).
    boundary: str

    @classmethod
    def of(cls, subject: str, text: str, from_email: str, headers: Mapping[str, str], html: str = "") -> FormLetter:
        """Set the letter. `headers` are more of those that all copies share."""
        from_email = mailable(from_email)
        set_by_django = EmailMessage(subject, "", from_email=from_email, headers={"Message-ID": "<>", **headers})
        head = set_by_django.message(policy=email.policy.SMTP)
        for name in ("Message-ID", "Content-Type", "Content-Transfer-Encoding"):
            del head[name]
        return cls(
            _unix(text),
            _unix(html),
            from_email,
            head.as_bytes().rstrip(b"\r\n"),
            urlsplit(settings.SITE_URL).hostname or "localhost",
            f"=_{secrets.token_hex(12)}",
        )

    def to(
        self, address: str, links: Mapping[str, str], headers: Mapping[str, str], words: Mapping[str, str] | None = None
    ) -> Letter:
        """The copy for this mailbox: `links` and `words` (a line of text each) by the names of their places, `headers`
        of this copy as they stand.

        Raises NotAnAddress; ValueError for links or headers that cannot stand in a mail.
        """
        address = _carried(address)
        headers = {"Message-ID": make_msgid(domain=self.domain), **headers}
        text, html = self.text, self.html
        for name, link in links.items():
            text, html = (part.replace(place(name), _printable(link)) for part in (text, html))
        for name, said in (words or {}).items():
            text, html = text.replace(place(name), said), html.replace(place(name), escape(said))
        own = "".join(f"{name}: {_printable(value)}\r\n" for name, value in headers.items())
        content = f"To: {address}\r\n{own}".encode() + self.head + self._body(text, html)
        return Letter(content, self.from_email, address, text)

    def _body(self, text: str, html: str) -> bytes:
        if not html:
            return b"\r\n" + _part("plain", text)
        begin = f'\r\nContent-Type: multipart/alternative; boundary="{self.boundary}"\r\n'
        between = f"\r\n--{self.boundary}".encode()
        parts = [begin.encode(), _part("plain", text), _part("html", html)]
        return (between + b"\r\n").join(parts) + between + b"--\r\n"


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def _carried(address: str) -> str:
    """The address with its domain in ASCII."""
    mailbox, _, domain = address.rpartition("@")
    try:
        carried = f"{mailbox}@{ascii_domain(domain)}"
    except ValueError:
        carried = ""
    if not _ADDRESS.fullmatch(carried):
        raise NotAnAddress("not an address that can stand in a header")
    return carried


def _printable(value: str) -> str:
    if not value.isascii() or not value.isprintable() or len(value) > _LONGEST:
        raise ValueError("not what can stand in a header")
    return value


def _part(kind: str, text: str) -> bytes:
    """Headers and content, in the shorter of the two encodings that every server takes (RFC 2045)."""
    content = text.replace("\n", "\r\n").encode()
    body, encoding = binascii.b2a_qp(content, istext=True), "quoted-printable"
    if len(body) > len(content) * 4 // 3:
        packed, encoding = binascii.b2a_base64(content, newline=False), "base64"
        body = b"\r\n".join(packed[at : at + 76] for at in range(0, len(packed), 76)) + b"\r\n"
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + body
