"""The mail server that takes our mails: one connection, renewed when it has had enough, and what its answers mean.

A refusal for good (5xx) has three meanings. There is no such recipient: that mail is given up. This one mail is not
wanted: it is tried ever more rarely, then given up. We are not wanted (no login, no relaying, the day's quota is used
up): everything waits, and people are told. A server says the first in words of its own (RFC 3463 has numbers for it);
the other two it says alike, and only what becomes of other mails tells them apart (refusals.py).
"""

from __future__ import annotations

import contextlib
import enum
import re
import smtplib
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from django.core.mail import EmailMessage, mailers

from web.redaction import SafeWords, describe

#: Mails put off in a row on one connection after which the next one gets a new connection: some servers end theirs
#: with 4xx instead of 421.
TIRED: Final = 2

#: RFC 3463: a mailbox that is not there, was moved or is closed; a domain that is none or takes no mail (RFC 7505).
_NO_SUCH_RECIPIENT: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
#: Where these are said, or no number at all, the words decide.
_VAGUE: Final = frozenset({"", "5.0.0", "5.1.0", "5.2.0", "5.5.0"})
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ABOUT_US: Final = re.compile(
    r"sender|relay|verif|authent|quota|limit|denied|spam|policy|block|reputation", re.IGNORECASE
)
_NOBODY: Final = re.compile(
    r"no such|unknown (?:user|recipient|mailbox|local|address)|invalid (?:recipient|mailbox|address)|no mailbox"
    r"|(?:user|mailbox|recipient|account|address|person|domain)\b.{0,80}?"
    r"(?:unknown|not found|not exist|n[o']t exist|unavailable|disabled|inactive|invalid|no longer)",
    re.IGNORECASE | re.DOTALL,
)


class Reply(enum.Enum):
    TAKEN = "taken"
    #: Later: the server is busy, or greylists this recipient.
    LATER = "later"
    #: There is no such recipient.
    NOBODY = "nobody"
    #: Refused for good, for whatever other reason.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said of one mail; `words` repeat numbers only, for its text may name somebody."""

    reply: Reply
    words: str = ""


class Away(SafeWords):
    """The server cannot be reached, or hung up again and again."""


class Silent(Away):
    """It took the text and fell silent: sent or not, nobody knows."""


class _HungUp(Exception):
    pass


class Relay:
    """A connection to the mail server; as a context, opened and closed. Of the network it raises Away alone."""

    def __init__(self) -> None:
        self._server = mailers.default
        #: Of this connection: mails taken, and mails put off in a row.
        self._taken = self._put_off = 0
        #: Connections in a row that ended without a mail taken.
        self._in_vain = 0

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *given: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._close()

    def send(self, mail: EmailMessage) -> Answer:
        """Hand over one mail. Where the server has had enough of this connection, again at once on a new one."""
        if self._taken and self._put_off >= TIRED:
            self._renew()
        try:
            answer = self._ask(mail)
        except _HungUp as error:
            return self._again(mail, str(error))
        if answer.reply is Reply.TAKEN:
            self._taken, self._put_off, self._in_vain = self._taken + 1, 0, 0
        else:
            self._put_off = self._put_off + 1 if answer.reply is Reply.LATER else 0
        return answer

    def _again(self, mail: EmailMessage, words: str) -> Answer:
        if self._taken:
            self._renew()
            return self.send(mail)
        self._in_vain += 1
        if self._in_vain > 1:
            raise Away(f"it hung up ({words})")
        # Perhaps because of this very mail, which must not keep the others waiting.
        self._renew()
        return Answer(Reply.LATER, words)

    def _ask(self, mail: EmailMessage) -> Answer:
        try:
            self._server.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            ((code, text),) = error.recipients.values()
            return _meaning(code, text)
        except smtplib.SMTPSenderRefused as error:
            answer = _meaning(error.smtp_code, error.smtp_error)
            return Answer(Reply.REFUSED, answer.words) if answer.reply is Reply.NOBODY else answer
        except smtplib.SMTPResponseException as error:
            return _meaning(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError:
            return Answer(Reply.NOBODY, "the server takes no such address")
        except smtplib.SMTPServerDisconnected as error:
            if isinstance(error.__context__, TimeoutError):  # smtplib's way to say that no answer came in time
                raise Silent("it fell silent") from None
            raise _HungUp("without a word") from None
        except OSError as error:
            raise _HungUp(describe(error)) from None
        except ValueError:  # Django's word for an address that needs SMTPUTF8
            return self._not_writable(mail)
        return Answer(Reply.TAKEN)

    def _not_writable(self, mail: EmailMessage) -> Answer:
        try:
            self._server.prep_address(mail.from_email)  # type: ignore[attr-defined]
        except ValueError:
            return Answer(Reply.REFUSED, "the sender is no address")
        return Answer(Reply.NOBODY, "no address that mail can carry")

    def _open(self) -> None:
        self._taken = self._put_off = 0
        try:
            self._server.open()
        except (smtplib.SMTPException, OSError) as error:
            self._close()
            raise Away(describe(error)) from None

    def _close(self) -> None:
        with contextlib.suppress(smtplib.SMTPException, OSError):  # it was away already
            self._server.close()

    def _renew(self) -> None:
        self._close()
        self._open()


def _meaning(code: int, text: bytes | str) -> Answer:
    """What a reply means that is not a yes. Raises _HungUp for 421, with which a server ends a connection."""
    said = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    found = _STATUS.search(said)
    status = found[1] if found else ""
    words = f"{code} {status}".rstrip()
    if code == 421:
        raise _HungUp(words)
    if code < 500:
        return Answer(Reply.LATER, words)
    vague = status in _VAGUE and not _ABOUT_US.search(said) and _NOBODY.search(said)
    return Answer(Reply.NOBODY if status in _NO_SUCH_RECIPIENT or vague else Reply.REFUSED, words)
