"""Writing into the audit trail, from the web and from workers alike.

The database numbers, dates and chains an entry (config/database/audit_trail.sql), one after another: the trail has no
forks. What is changed in content, logins and settings it writes down by itself (audited_rows.sql). An entry holds up
the next one until its transaction ends: write it last, with what it is about.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser, User
from django.db import connection

from web.models import Section

# Raw: a function of the database is the only way into the trail.
APPEND: Final = "SELECT audit_append(%s, %s, %s, %s, %s)"
# Raw: what the database writes down by itself (config/database/audited_rows.sql) names whoever is said here.
SAY_WHO: Final = "SELECT set_config('undersigned.actor', %s, false), set_config('undersigned.network', %s, false)"


def append(
    actor: User | None, action: str, section: Section | None, purpose: str = "", detail: dict[str, Any] | None = None
) -> None:
    """Write down who (None: a worker by itself) did what where, why, and of what: ids, ranges, figures, no signer.

    In the caller's transaction: both stay, or neither. Raises IntegrityError (audit_names_no_mailbox) where
    an address is among the words, and in a REPEATABLE READ transaction that began before another's entry;
    OperationalError where another entry is held up for seconds.
    """
    row = [actor.pk if actor else None, action, section.pk if section else None, purpose, json.dumps(detail or {})]
    with connection.cursor() as cursor:
        cursor.execute(APPEND, row)


def say_who(user: User | AnonymousUser, network: str = "") -> None:
    """Tell the database who acts in this connection until it is told otherwise; nobody where nobody is logged in.

    `network`: from where, as "192.0.2.0/24". Only what is written of second factors has it.
    """
    with connection.cursor() as cursor:
        cursor.execute(SAY_WHO, [str(user.pk) if user.is_authenticated else "", network])
