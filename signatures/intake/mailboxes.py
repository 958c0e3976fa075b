"""/my-signatures/, the site's side: seal what is typed and what is wanted, show what a worker sealed to the link.

Row security shows this process one page, the one that the link names, for an hour (config/database/row_security.sql).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

from signatures.identity import token_hash
from signatures.intake.confirmation import naming
from signatures.mailbox_boxes import Asked, Page, Wish, open_page, page_key, seal_to_workers
from signatures.models import RequestKey
from signatures.notify_worker import notify_worker
from signatures.sealing import NotOpened

#: Wishes that one page takes in its hour.
MOST_WISHES: Final = 60

# Raw: web has rights on these columns only, and none to read what it inserts.
INSERT_REQUEST: Final = "INSERT INTO signatures_mailboxrequest (sealed) VALUES (%s)"
LOOK: Final = "SELECT sealed FROM signatures_mailboxpage WHERE token_hash = %s"
WISHES: Final = """
SELECT count(*), count(*) FILTER (WHERE done_at IS NULL) FROM signatures_mailboxwish WHERE page_hash = %s
"""
INSERT_WISH: Final = """
INSERT INTO signatures_mailboxwish (page_hash, sealed)
SELECT %(page)s, %(sealed)s WHERE (SELECT count(*) FROM signatures_mailboxwish WHERE page_hash = %(page)s) < %(most)s
"""


class NotReady(Exception):
    """No worker has published the key to seal to: the site was set up a moment ago."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A person's page, as it is shown."""

    page: Page
    #: What was pressed on it, and how much of that no worker has come to yet.
    pressed: int
    waiting: int


def ask_for_page(email: str, language: str, network: str) -> None:
    """Have a worker mail the link to this mailbox, within its limits. Nothing is looked up. Raises NotReady."""
    sealed = seal_to_workers(Asked(email, language, network), _public_key(), b"")
    with connection.cursor() as cursor:
        cursor.execute(INSERT_REQUEST, [sealed])
    notify_worker("answer_requests")


def look_at_page(token: str) -> Opened | None:
    """What the link with this token opens; None where it is over, or was never ours. Changes nothing."""
    hashed = token_hash(token)
    with naming(hashed) as cursor:
        cursor.execute(LOOK, [hashed])
        row = cursor.fetchone()
        if row is None:
            return None
        cursor.execute(WISHES, [hashed])
        pressed, waiting = cursor.fetchone()
    try:
        return Opened(open_page(bytes(row[0]), page_key(token), hashed), pressed, waiting)
    except NotOpened:
        return None


def wish_for(token: str, wish: Wish) -> None:
    """Have a worker carry it out for the mailbox whose page this is. Raises NotReady."""
    hashed = token_hash(token)
    sealed = seal_to_workers(wish, _public_key(), hashed)
    with naming(hashed) as cursor:
        cursor.execute(INSERT_WISH, {"page": hashed, "sealed": sealed, "most": MOST_WISHES})
    notify_worker("grant_wishes")


def _public_key() -> bytes:
    key = RequestKey.objects.values_list("public_key", flat=True).first()
    if key is None:
        raise NotReady
    return bytes(key)
