"""The site's addresses and the yardsticks: the least a view can do, and the least that stores or changes a row."""

from __future__ import annotations

import os
from typing import Final

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config.public_urls import urlpatterns as site_urls

# As long as a sealed submission of somebody who leaves a short comment: 256 bytes of JSON, nonce and tag.
PAYLOAD: Final = os.urandom(512 + 28)
INSERT: Final = "INSERT INTO bench_plain (id, payload) VALUES (%s, %s)"

UPDATE: Final = "UPDATE bench_plain SET created_at = statement_timestamp() WHERE id = %s"


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello, world!", content_type="text/plain")


@csrf_exempt
def insert(request: HttpRequest) -> HttpResponse:
    """One INSERT, without the ORM: the hardest yardstick there is."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [os.urandom(32), PAYLOAD])
    return HttpResponse("stored", content_type="text/plain")


@csrf_exempt
def update(request: HttpRequest, key: str) -> HttpResponse:
    """One UPDATE of one row, without the ORM."""
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, [bytes.fromhex(key)])
    return HttpResponse("changed", content_type="text/plain")


urlpatterns = [
    path("bench/hello/", hello),
    path("bench/insert/", insert),
    path("bench/update/<str:key>/", update),
    *site_urls,
]
