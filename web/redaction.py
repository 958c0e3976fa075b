"""Keeps tokens and personal data out of logs and error reports."""

from __future__ import annotations

import datetime
import json
import logging
import os
import re
import smtplib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from web.request_ids import request_id

# The last segment of these addresses is a secret that confirms or withdraws a signature, or lets somebody in. In any
# spelling: a broken link is asked for before it is redirected to the right one (web/clean_address.py).
_SLASH = r"(?:[/\\]|%2f|%5c)+"
_TOKEN = re.compile(
    rf"({_SLASH}(?:confirm|withdraw|unsubscribe|mine|not-me|admin{_SLASH}begin{_SLASH}[^/\s'\"?]+){_SLASH})[^/\s'\"?]+",
    re.IGNORECASE,
)


def without_tokens(text: str) -> str:
    """The text with the token of every confirmation, withdrawal or one-time address replaced by "…"."""
    return _TOKEN.sub(r"\1…", text)


class SafeWords(Exception):
    """An error whose words are all ours: they repeat nothing that anybody typed or sent, so a log may show them."""


def describe(error: BaseException) -> str:
    """What kind of error it is, with those of its words that cannot be a person's.

    They are our own; the database's five characters; the system's reason, and the folder (a file may bear a name that
    somebody chose); a mail server's code.
    """
    kind = type(error).__name__
    if isinstance(error, SafeWords):
        return f"{kind}: {error}" if str(error) else kind
    if sqlstate := getattr(error.__cause__, "sqlstate", None):
        return f"{kind} [{sqlstate}]"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{kind} [{error.smtp_code}]"
    if isinstance(error, OSError) and isinstance(error.errno, int) and error.errno > 0:
        folder = f" in {Path(os.fsdecode(error.filename)).parent}" if isinstance(error.filename, str | bytes) else ""
        return f"{kind}: {os.strerror(error.errno)}{folder}"
    return kind


class DiscreetFilter(logging.Filter):
    """Drops tokens from the message, and what a log call attached besides it (the request, say)."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, Mapping) and "traceback" in record.args:
            # Celery puts a failed task's exception, words and all, into the message itself.
            kind = describe(record.exc_info[1]) if record.exc_info and record.exc_info[1] else "an error"
            record.args = {**record.args, "exc": kind, "traceback": ""}
        record.msg, record.args = without_tokens(record.getMessage()), None
        return True


class DiscreetFormatter(logging.Formatter):
    """A traceback shows where and what kind, but of the exception's own words only those that are safe.

    A database error quotes the row ("Key (fingerprint)=(…)"), a codec error the text it choked on: words that may be
    a person's.
    """

    def formatException(self, ei: Any) -> str:
        _kind, error, trace = ei
        lines = []
        while trace is not None:
            code = trace.tb_frame.f_code
            lines.append(f"  {code.co_filename}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        return "\n".join([*lines, describe(error) if error else "?"])


class JsonFormatter(DiscreetFormatter):
    """A line of JSON for each record: time with its zone, level, logger, message, request. For LOG_FORMAT=json."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if request := request_id():
            said["request"] = request
        if record.exc_info and record.exc_info[1]:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


class HideEverything(SafeExceptionReporterFilter):
    """For whoever configures error reports: no POST parameter and no local variable is in them."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(request.POST, self.cleansed_substitute) if request else {}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        return {}.items()


class PlainSerializer:
    """What the cache keeps in Redis: JSON, which is data and never runs. Raises ValueError for anything else."""

    def dumps(self, value: Any) -> int | bytes:
        # A plain number, so that Redis itself can count it up.
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)
