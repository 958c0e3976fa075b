"""Keeps tokens and personal data out of logs and error reports."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

# The last segment of these addresses is a secret that confirms or withdraws a signature, or lets somebody in.
_TOKEN = re.compile(r"(/(?:confirm|withdraw|unsubscribe|admin/begin/[^/\s'\"?]+)/)[^/\s'\"?]+")


def without_tokens(text: str) -> str:
    """The text with the token of every confirmation, withdrawal or one-time address replaced by "…"."""
    return _TOKEN.sub(r"\1…", text)


class DiscreetFilter(logging.Filter):
    """Drops tokens from the message, and what a log call attached besides it (the request, say)."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, Mapping) and "traceback" in record.args:
            # Celery puts a failed task's exception, words and all, into the message itself.
            kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "an error"
            record.args = {**record.args, "exc": kind, "traceback": ""}
        record.msg, record.args = without_tokens(record.getMessage()), None
        return True


class DiscreetFormatter(logging.Formatter):
    """A traceback shows where and what kind, but not the exception's own words.

    A database error quotes the row ("Key (fingerprint)=(…)"), a codec error the text it choked on.
    The type and the place are what a developer needs; the words may be a person's.
    """

    def formatException(self, ei: Any) -> str:
        kind, error, trace = ei
        lines = []
        while trace is not None:
            code = trace.tb_frame.f_code
            lines.append(f"  {code.co_filename}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        sqlstate = getattr(error.__cause__ if error else None, "sqlstate", None)
        return "\n".join([*lines, f"{kind.__name__ if kind else '?'}{f' [{sqlstate}]' if sqlstate else ''}"])


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
