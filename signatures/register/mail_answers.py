"""What mail providers make of our mails, by the hour: so that "nobody at that provider confirms since noon" is seen."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Final

from django.db import connection

from signatures.mail_providers import LARGE

#: All domains that are not large: some are one person's.
OTHERS: Final = "other"
KEPT: Final = datetime.timedelta(days=35)

# Sorted by their key, so that two workers lock rows in one order.
NOTE: Final = """
INSERT INTO signatures_mailanswer AS a (hour, provider, answer, n)
SELECT date_trunc('hour', now()), * FROM unnest(%s::varchar[], %s::varchar[], %s::int[])
ON CONFLICT (hour, provider, answer) DO UPDATE SET n = a.n + excluded.n
"""


def provider_of(address: str) -> str:
    """The provider's domain, as it is named in public tables; OTHERS for every domain that is not large."""
    domain = address.rpartition("@")[2].strip("<> \t").rstrip(".").lower()
    return domain if domain in LARGE else OTHERS


def note(answers: Mapping[tuple[str, str], int]) -> None:
    """Add to this hour's rows: {(provider, answer): mails}."""
    if not answers:
        return
    rows = [(provider, answer, n) for (provider, answer), n in sorted(answers.items())]
    with connection.cursor() as cursor:
        cursor.execute(NOTE, list(map(list, zip(*rows, strict=True))))
