"""Which request a line of the log belongs to, by the name that the proxy gave it."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Final

from django.http import HttpRequest

#: As nginx makes them ($request_id), and what others use; anything else is not repeated in a log.
_GOOD: Final = re.compile("[A-Za-z0-9-]{8,64}")
_current: Final[ContextVar[str]] = ContextVar("request_id", default="")


def request_id() -> str:
    """The name of the request that is answered just now; "" outside of one, and where no proxy gave it a name."""
    return _current.get()


def name_request(request: HttpRequest) -> None:
    """From here on, lines of the log are of this request."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    _current.set(given if _GOOD.fullmatch(given) else "")
