"""The body of a sign request: read once, within limits, or refused as garbage."""

import codecs
from collections.abc import Mapping
from urllib.parse import parse_qsl

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from signatures.sign_form.form import ConfirmForm, SignForm

__all__ = ["MAX_BODY", "GarbageBody", "read_added", "read_form"]

# Bytes. The longest text that fits our fields takes 12 kB on the wire. The rest is for people who pasted too
# much: 40,000 Cyrillic letters are 240 kB, and deserve the page that tells them to shorten the text.
MAX_BODY = 256 * 1024
#: Those of the confirmation page too: pages and scripts of before still send them with the sign form.
KNOWN = SignForm.base_fields.keys() | ConfirmForm.base_fields.keys()
# As many as Django takes (DATA_UPLOAD_MAX_NUMBER_FIELDS): a browser sends our form's ten.
MAX_FIELDS = 1000
_URLENCODED, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


class GarbageBody(ValueError):
    """No browser sends this from our form: answer 400. The message holds nothing that was sent."""


def read_form(request: HttpRequest) -> Mapping[str, str]:
    """The fields of a POST, the last of a repeated one winning. Raises GarbageBody, and nothing else.

    An empty form is a form, for SignForm to answer; a body that holds none of our fields is not.
    """
    fields = _fields(request)
    if fields and not fields.keys() & KNOWN:
        raise GarbageBody("none of the form's fields")
    return fields


def read_added(request: HttpRequest) -> Mapping[str, str]:
    """What was sent with the button of a confirmation page, of whatever content type where that is nothing. Raises
    GarbageBody."""
    return _fields(request) if request.META.get("CONTENT_LENGTH") not in (None, "", "0") else {}


def _fields(request: HttpRequest) -> Mapping[str, str]:
    if request.content_type not in (_URLENCODED, _MULTIPART):
        raise GarbageBody("not a form's content type")
    _refuse_oversize(request)
    _refuse_other_charsets(request)
    try:
        return _urlencoded(request.read()) if request.content_type == _URLENCODED else request.POST.dict()
    # Too many fields, files or bytes are SuspiciousOperation; a charset that Django refuses is BadRequest.
    except (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError) as error:
        raise GarbageBody(f"unreadable body: {type(error).__name__}") from error


def _refuse_oversize(request: HttpRequest) -> None:
    # WSGI reads no further than Content-Length, so what it says is also what can come.
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise GarbageBody("a content length that is no number") from None
    if not 0 <= length <= MAX_BODY:
        raise GarbageBody("body too large")


def _refuse_other_charsets(request: HttpRequest) -> None:
    """Python knows charsets that are none (hex, zlib) and would fail on them later: only UTF-8 goes on."""
    if request.encoding is None or request.encoding.lower() == "utf-8":
        return
    if codecs.lookup(request.encoding).name != "utf-8":
        raise GarbageBody("not UTF-8")
    request.encoding = "utf-8"  # Django knows it by this name only


def _urlencoded(body: bytes) -> dict[str, str]:
    """Raw bytes that are not UTF-8 are refused: Django would read them as Latin-1, and we would keep a mangled name."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace"))
    except ValueError as error:  # UnicodeDecodeError is one
        raise GarbageBody("not UTF-8, or too many fields") from error
