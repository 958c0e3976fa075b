"""All that is public of a campaign: every address, what each answers, and what one answers otherwise than another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.files.storage import storages
from django.db import connection, transaction
from django.urls import reverse

from petitions.models import Campaign, Update
from signatures.intake import submissions
from staff.access_matrix import PUBLIC

TOKEN = "A" * 43
#: Public addresses that are not asked for, and why.
NOT_ASKED = {
    "inbox": "only the demo has it",
    "mail": "only the demo has it",
    "media": "a picture's file, which campaigners upload",
    "brand": "a style sheet in a section's colours",
    "work": "a new puzzle each time, made without a look at any signature",
}


@contextmanager
def undone() -> Iterator[None]:
    """What happens in it is forgotten, sequences and a process's memory included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences")
        sequences = cursor.fetchall()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    shutil.rmtree(storages["share"].location, ignore_errors=True)
    with connection.cursor() as cursor:
        for name, last in sequences:
            cursor.execute("SELECT setval(%s::regclass, coalesce(%s, 1), %s)", [name, last, last is not None])
    submissions.forget_session_keys()


def addresses(campaign: Campaign) -> dict[str, str]:
    """{name: path} of every public address of this campaign in English, and of its numbers in Arabic."""
    arguments = {
        **dict.fromkeys(("home", "signing_key", "signing_key_pem", "verifier", "sitemap", "robots"), ()),
        **dict.fromkeys(("my_signatures", "my_signatures_sent"), ()),
        **dict.fromkeys(("confirm", "withdraw", "unsubscribe", "not_me", "mine", "mine_text", "mine_json"), (TOKEN,)),
        "campaign_via": (campaign.slug, "mail"),
        "share_image_at": (campaign.slug, "a-mark"),
        "update": (campaign.slug, "news"),
        "news": (Update.objects.get().pk,),
        "dossier": ("case",),
        "standing": ("privacy",),
        "text": (campaign.slug, 1, "en"),
    }
    names = sorted(PUBLIC - NOT_ASKED.keys())
    paths = {name: reverse(name, args=arguments.get(name, (campaign.slug,))) for name in names}
    return {**paths, "in Arabic": f"/ar/c/{campaign.slug}/numbers/"}


def answer(client: Any, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers, body."""
    response = client.get(path)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return response.status_code, sorted(response.headers.items()), body


def differences(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """(where, what each says there) of answers that are not the same."""
    for where, answered in one.items():
        for mine, its in zip(answered, other[where], strict=True):
            if mine != its and isinstance(mine, bytes):
                at = next(n for n in range(len(mine) + 1) if mine[: n + 1] != its[: n + 1])
                yield where, (mine[max(0, at - 60) : at + 60], its[max(0, at - 60) : at + 60])
            elif mine != its:
                yield where, (mine, its)
