"""Writing into the audit trail, from the web and from workers alike.

The database numbers, dates and chains an entry (config/database/audit_trail.sql), one after another: the trail has no
forks. So an entry holds up the next one until its transaction ends: write it last, with what it is about.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import connection

from web.models import Section

# Raw: the ORM names every column of a row, and these are all that web and worker may write.
APPEND: Final = """
INSERT INTO staff_auditentry (actor_id, action, section_id, purpose, detail) VALUES (%s, %s, %s, %s, %s)
"""


def append(
    actor: User | None, action: str, section: Section | None, purpose: str = "", detail: dict[str, Any] | None = None
) -> None:
    """Write down who (None: a worker by itself) did what where, why, and of what: ids, ranges, figures, no signer.

    In the caller's transaction: both stay, or neither. Raises IntegrityError (audit_names_no_mailbox) where
    an address is among the words, and in a REPEATABLE READ transaction that began before another's entry.
    """
    row = [actor.pk if actor else None, action, section.pk if section else None, purpose, json.dumps(detail or {})]
    with connection.cursor() as cursor:
        cursor.execute(APPEND, row)
