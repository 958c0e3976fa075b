"""A file that can be gone on with where a download broke off (RFC 9110, section 14)."""

from __future__ import annotations

import re

from django.core.files import File
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase


def resumable(request: HttpRequest, file: File, name: str, sha256: str) -> HttpResponseBase:
    """The whole file, or what a browser lacks of it. What it has must be of the same file: that of `sha256`."""
    mark = f'"{sha256}"'
    begin = _begin(request, mark)
    if begin and begin >= file.size:
        answer: HttpResponseBase = HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size}"})
        file.close()
        return answer
    file.seek(begin)  # FileResponse sends, and measures, what is left
    answer = FileResponse(file, as_attachment=True, filename=name, status=206 if begin else 200)
    if begin:
        answer["Content-Range"] = f"bytes {begin}-{file.size - 1}/{file.size}"
    answer["Accept-Ranges"], answer["ETag"] = "bytes", mark
    return answer


def _begin(request: HttpRequest, mark: str) -> int:
    """From which byte on; other ranges than from one to the end may be left alone, and are."""
    asked = re.fullmatch(r"bytes=(\d{1,15})-", request.headers.get("Range", ""), re.ASCII)
    return int(asked[1]) if asked and request.headers.get("If-Range", mark) == mark else 0
