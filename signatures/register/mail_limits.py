"""How many mails one mailbox gets: a stranger who types your address must not fill your inbox.

Counted in PostgreSQL, under labels: HMAC of the mailbox and the day, under the campaign's pepper and under the
keyring's site key. A label means nothing the next day, and never leads to a signature: not even who holds
tomorrow's database can say that two days' mails went to one mailbox.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.backends.utils import CursorWrapper

from signatures.identity import Mac

#: Mails a day to one mailbox: from one campaign, and from the whole site.
PER_CAMPAIGN: Final = 3
PER_SITE: Final = 10
LABEL_BYTES: Final = 16

# Raw: the rows are made and locked, and tell what they held, in one statement a claim. Sorted, so that two workers
# whose claims name the same mailboxes lock them in one order.
LOCK: Final = """
INSERT INTO signatures_mailcount (label, "on", n)
SELECT label, %s, 0 FROM unnest(%s::bytea[]) AS given (label)
ON CONFLICT (label) DO UPDATE SET n = signatures_mailcount.n
RETURNING label, n
"""
ADD: Final = """
UPDATE signatures_mailcount AS c SET n = c.n + more.n
  FROM unnest(%s::bytea[], %s::int[]) AS more (label, n)
 WHERE c.label = more.label
"""


@dataclass(frozen=True, slots=True)
class Labels:
    """One mailbox on one day, as it is counted."""

    campaign: bytes
    site: bytes


def labels(mac: Mac, site_mac: Mac, mailbox: str, day: datetime.date) -> Labels:
    """The labels of a canonical mailbox (identity.py) on that day."""
    message = b"mails\0" + day.isoformat().encode() + b"\0" + mailbox.encode()
    campaign, site = (blind(message)[:LABEL_BYTES] for blind in (mac, site_mac))
    return Labels(campaign, site)


def grant(cursor: CursorWrapper, wanted: Sequence[Labels], day: datetime.date) -> list[bool]:
    """Say of each mail, in this order, whether it may go, and count those that may. Needs a transaction."""
    if not wanted:
        return []
    cursor.execute(LOCK, [day, _all(wanted)])
    counted = {bytes(label): n for label, n in cursor.fetchall()}
    granted, more = [], Counter[bytes]()
    for mail in wanted:
        may = (
            counted[mail.campaign] + more[mail.campaign] < PER_CAMPAIGN
            and counted[mail.site] + more[mail.site] < PER_SITE
        )
        if may:
            more.update((mail.campaign, mail.site))
        granted.append(may)
    if more:
        cursor.execute(ADD, [list(more), list(more.values())])
    return granted


def _all(wanted: Iterable[Labels]) -> list[bytes]:
    return sorted({label for mail in wanted for label in (mail.campaign, mail.site)})
