"""How many mails one mailbox gets: a stranger who types your address must not fill your inbox.

Nor use up what you may ask for: each sending network has mails of its own, and who gets no more of them has earlier
ones, whose links work and whose page takes other details (views/links.py). All that differs after a "+" is one mailbox
here.

Counted in PostgreSQL, under labels: HMAC of the mailbox and the day or the hour, under the campaign's pepper and under
the keyring's site key. A label means nothing the next day, and never leads to a signature: not even who holds
tomorrow's database can say that two days' mails went to one mailbox.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.backends.utils import CursorWrapper

from signatures.identity import Mac, mailbox_family

#: Mails to one mailbox: in an hour asked for from one network; in a day from one campaign, and from the whole site but
#: for the first from each campaign, without which its owner would have no link there.
PER_NETWORK: Final = 3
PER_CAMPAIGN: Final = 10
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
    """One mailbox on one day, and in one hour from one network, as it is counted."""

    network: bytes
    campaign: bytes
    site: bytes


def labels(mac: Mac, site_mac: Mac, mailbox: str, network: str, at: datetime.datetime) -> Labels:
    """The labels of a canonical mailbox (identity.py) then, for a sender's network as web labels it ("" for none)."""
    family, (day, hour) = mailbox_family(mailbox), at.strftime("%Y-%m-%d %H").split()
    of_day = f"mails\0{day}\0{family}".encode()
    of_hour = f"mails from\0{day} {hour}\0{network}\0{family}".encode()
    network_label, campaign, site = site_mac(of_hour), mac(of_day), site_mac(of_day)
    return Labels(network_label[:LABEL_BYTES], campaign[:LABEL_BYTES], site[:LABEL_BYTES])


def grant(cursor: CursorWrapper, wanted: Sequence[Labels], day: datetime.date) -> list[bool]:
    """Say of each mail, in this order, whether it may go, and count those that may. Needs a transaction."""
    if not wanted:
        return []
    cursor.execute(LOCK, [day, _all(wanted)])
    counted = {bytes(label): n for label, n in cursor.fetchall()}
    granted, more = [], Counter[bytes]()
    for mail in wanted:
        network, campaign, site = (counted[label] + more[label] for label in (mail.network, mail.campaign, mail.site))
        may = network < PER_NETWORK and campaign < PER_CAMPAIGN and (site < PER_SITE or campaign == 0)
        if may:
            more.update((mail.network, mail.campaign, mail.site))
        granted.append(may)
    if more:
        cursor.execute(ADD, [list(more), list(more.values())])
    return granted


def _all(wanted: Iterable[Labels]) -> list[bytes]:
    return sorted({label for mail in wanted for label in (mail.network, mail.campaign, mail.site)})
