"""For whoever operates it. Neither answer tells anything but yes or no."""

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from web.connections import discard_read_only


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Is this process alive?"""
    return _plain("ok\n")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Can it take signatures? It can without Redis, and says so; not without a database that writes them down."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            read_only = cursor.fetchone() == ("on",)
    except DatabaseError:
        return _plain("database: away\n", status=503)
    if read_only:
        if not connection.in_atomic_block:
            discard_read_only()  # perhaps only this session is, from a time that is over
        return _plain("database: read-only\n", status=503)
    try:
        cache.get("ready")
    except (RedisError, OSError, ValueError):  # ValueError: what it answered is not ours
        return _plain("database: ok\nredis: away, limits are off\n")
    return _plain("database: ok\nredis: ok\n")


def _plain(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain", status=status, headers={"Cache-Control": "no-store"})
