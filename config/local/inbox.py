"""The demo's post office: mails go to a Maildir, and /inbox/ shows them. Not there where real mail is configured."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Sequence
from email import policy
from email.message import EmailMessage as ParsedMail
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

#: How many mails the list shows.
NEWEST: Final = 100
_LINK: Final = re.compile(r"(https?://[^\s<>\"]+)")


class MaildirBackend(BaseEmailBackend):
    """Delivers into a Maildir: whole mails, any number of processes at once."""

    def __init__(self, directory: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.maildir = mailbox.Maildir(directory, create=True)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            self.maildir.add(message.message().as_bytes())
        return len(email_messages)


def _newest() -> list[Path]:
    directory = settings.DEMO_MAIL_DIR
    if directory is None:
        return []
    files = [path for folder in ("new", "cur") for path in (directory / folder).glob("*") if path.is_file()]
    return sorted(files, key=lambda path: path.stat().st_mtime_ns, reverse=True)[:NEWEST]


def _read(path: Path) -> ParsedMail:
    return BytesParser(policy=policy.default).parsebytes(path.read_bytes())


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """The mails sent, newest first."""
    mails = [{"key": path.name, **_headers(_read(path))} for path in _newest()]
    return _unkept(render(request, "inbox/inbox.html", {"mails": mails}))


@require_safe
def mail(request: HttpRequest, key: str) -> HttpResponse:
    """One mail as text, its links to be clicked."""
    found = next((path for path in _newest() if path.name == key), None)
    if found is None:
        raise Http404
    parsed = _read(found)
    body = parsed.get_body(preferencelist=("plain",))
    lines = body.get_content().splitlines() if body else []
    shown = {**_headers(parsed), "text_lines": [_with_links(line) for line in lines]}
    return _unkept(render(request, "inbox/mail.html", {"mail": shown}))


def _headers(parsed: ParsedMail) -> dict[str, str]:
    return {name: str(parsed[header] or "") for name, header in
            (("to", "To"), ("sender", "From"), ("subject", "Subject"), ("date", "Date"))}  # fmt: skip


def _with_links(line: str) -> list[dict[str, str]]:
    return [{"text": part, "href": part if _LINK.fullmatch(part) else ""} for part in _LINK.split(line) if part]


def _unkept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
