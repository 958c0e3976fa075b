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
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import make_msgid
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.encoding import punycode

#: Stands in a text where each reader's own link comes.
PLACE: Final = "\x00link\x00"
#: What may stand in a header as it is: atoms (RFC 5322 section 3.2.3), an @, a domain.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,255}")
#: As long as a line of a header may be (RFC 5322 section 2.1.1), but for its name.
_LONGEST_LINK: Final = 900


class _Printed(email.message.EmailMessage):
    """A message that is bytes already."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    def as_bytes(self, *args: Any, **kwargs: Any) -> bytes:
        return self._content


class Letter(EmailMessage):
    """One copy, for Django's backends."""

    def __init__(self, content: bytes, from_email: str, address: str) -> None:
        super().__init__(from_email=from_email, to=[address])
        self._content = content

    def message(self, *, policy: email.policy.Policy[Any] | None = None) -> email.message.EmailMessage:
        return _Printed(self._content)


@dataclass(frozen=True, slots=True)
class FormLetter:
    """What is the same in every copy. `text` has PLACE where the reader's link comes, on a line of its own."""

    text: str
    from_email: str
    #: Headers that need no address, ready for the wire.
    head: bytes
    #: The domain of message ids: the site's, not the worker's host name.
    domain: str

    @classmethod
    def of(cls, subject: str, text: str, from_email: str, headers: Mapping[str, str]) -> FormLetter:
        """Set the letter. `headers` are more of those that all copies share."""
        set_by_django = EmailMessage(subject, "", from_email=from_email, headers={"Message-ID": "<>", **headers})
        head = set_by_django.message(policy=email.policy.SMTP)
        for name in ("Message-ID", "Content-Type", "Content-Transfer-Encoding"):
            del head[name]
        domain = urlsplit(settings.SITE_URL).hostname or "localhost"
        return cls(text.replace("\r\n", "\n"), from_email, head.as_bytes().rstrip(b"\r\n"), domain)

    def to(self, address: str, link: str) -> Letter:
        """The copy for this mailbox, with this link in the text and in List-Unsubscribe (RFC 8058).

        Raises ValueError for an address that mail cannot carry as it is, as Django does.
        """
        address, link = _carried(address), _printable(link)
        own = (
            f"To: {address}\r\n"
            f"Message-ID:\r\n {make_msgid(domain=self.domain)}\r\n"
            f"List-Unsubscribe:\r\n <{link}>\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            'Content-Type: text/plain; charset="utf-8"\r\n'
        )
        encoding, body = _encoded(self.text.replace(PLACE, link))
        transfer = f"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        return Letter(own.encode() + self.head + transfer + body, self.from_email, address)


def _carried(address: str) -> str:
    """The address with its domain in ASCII."""
    mailbox, _, domain = address.rpartition("@")
    carried = f"{mailbox}@{domain if domain.isascii() else punycode(domain)}"
    if not _ADDRESS.fullmatch(carried):
        raise ValueError("not an address that can stand in a header")
    return carried


def _printable(link: str) -> str:
    if not link.isascii() or not link.isprintable() or " " in link or len(link) > _LONGEST_LINK:
        raise ValueError("not a link that can stand in a header")
    return link


def _encoded(text: str) -> tuple[str, bytes]:
    """The transfer encoding and the lines, the shorter of the two that every server takes (RFC 2045)."""
    content = text.replace("\n", "\r\n").encode()
    quoted = binascii.b2a_qp(content, istext=True)
    if len(quoted) <= len(content) * 4 // 3:
        return "quoted-printable", quoted
    packed = binascii.b2a_base64(content, newline=False)
    return "base64", b"\r\n".join(packed[at : at + 76] for at in range(0, len(packed), 76)) + b"\r\n"
