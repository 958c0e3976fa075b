"""(1) Intake, in the web: seal what was typed, insert one row. No other signature is read.

A session key per process and campaign is made here, sealed once to the campaign's public key, used for
a few minutes and forgotten; this process cannot open what it sealed before.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Final

import msgspec
from django.db import DatabaseError, IntegrityError, InterfaceError, ProgrammingError, connection
from psycopg.errors import InsufficientPrivilege
from psycopg_pool import PoolTimeout

from petitions.models import Campaign
from signatures import sealing
from signatures.identity import new_token, token_hash
from signatures.notify_worker import notify_worker
from web.connections import discard_after, is_away

log = logging.getLogger(__name__)

#: Seconds a session key is used. A seized web host gives up what it sealed in this time.
SESSION_KEY_LIFE: Final = 300.0

#: Tries to reach the database. Trying again is safe: the token makes the row the same.
ATTEMPTS: Final = 3

# Raw, not the ORM: `save()` names every column, and web has rights on these four only; it also costs
# 0.15 ms, a fifth of the whole request. No ON CONFLICT: it writes to the log twice, for a case that only a second
# try can meet.
INSERT_SUBMISSION: Final = """
INSERT INTO signatures_submission (token_hash, campaign_id, sealing_key_id, sealed) VALUES (%s, %s, %s, %s)
"""
INSERT_SEALING_KEY: Final = "INSERT INTO signatures_sealingkey (id, campaign_id, wrapped) VALUES (%s, %s, %s)"


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """A submission, or what is added to it when it is confirmed, as it is stored."""

    token_hash: bytes
    key_id: uuid.UUID
    box: bytes


@dataclass(frozen=True, slots=True)
class SessionKey:
    id: uuid.UUID
    box: sealing.Box[sealing.Person]
    consents_box: sealing.Box[sealing.Consents]
    expires: float
    #: Makes the process forget the key when it expires, also where nobody signs any more.
    timer: threading.Timer


_session_keys: dict[int, SessionKey] = {}
_making = threading.Lock()


def take(campaign: Campaign, person: sealing.Person) -> None:
    """Store the person's signature, sealed, to be proven by mail. When this returns, it is on disk.

    `campaign` comes with its `key`. Raises what is_away() names where the database is away or takes nothing:
    nothing is stored then.
    """
    token = new_token()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _insert(campaign, seal(campaign, person, token))
            break
        except IntegrityError:
            # A second try: the first one, whose answer was lost with its connection, had stored it.
            if attempt == 1:
                raise
            break
        except ProgrammingError as error:
            # The database takes nothing under a session key that it does not have or that is too old
            # (config/database/row_security.sql): it was restored, or this host slept. Make another key and seal again.
            if attempt == ATTEMPTS or not isinstance(error.__cause__, InsufficientPrivilege):
                raise
            forget_session_keys()
        except (DatabaseError, InterfaceError) as error:
            # A connection that a restart has cut, or that may only read: again with one that answers. Where the pool
            # has waited for one in vain, the database is away, and the supporter has waited long enough.
            if not is_away(error):
                raise
            if attempt == ATTEMPTS or connection.in_atomic_block or isinstance(error.__cause__, PoolTimeout):
                raise
            discard_after(error)
    notify_worker("send_mails")


def seal(campaign: Campaign, person: sealing.Person, token: str) -> Sealed:
    """The person with the token, sealed under this process's session key, which is in the database then."""
    hashed, key = token_hash(token), _session_key(campaign)
    return Sealed(hashed, key.id, key.box.seal(msgspec.structs.replace(person, token=token), hashed))


def seal_consents(campaign: Campaign, consents: sealing.Consents, hashed: bytes) -> Sealed:
    """What is added to the submission whose token has this hash, under this process's session key."""
    key = _session_key(campaign)
    return Sealed(hashed, key.id, key.consents_box.seal(consents, hashed))


def _insert(campaign: Campaign, sealed: Sealed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT_SUBMISSION, [sealed.token_hash, campaign.id, sealed.key_id, sealed.box])


def _session_key(campaign: Campaign) -> SessionKey:
    key = _session_keys.get(campaign.id)
    if key and time.monotonic() < key.expires:
        return key
    with _making:  # one thread makes it, the others wait for it
        key = _session_keys.get(campaign.id)
        if key and time.monotonic() < key.expires:
            return key
        key = _make_session_key(campaign)
        _session_keys[campaign.id] = key
        key.timer.start()
        return key


def _make_session_key(campaign: Campaign) -> SessionKey:
    """A key whose row is in the database. Raises what is_away() names."""
    secret, key_id = os.urandom(32), uuid.uuid4()
    wrapped = sealing.seal_session_key(secret, bytes(campaign.key.public_key), campaign.uid, key_id)
    with connection.cursor() as cursor:
        cursor.execute(INSERT_SEALING_KEY, [key_id, campaign.id, wrapped])
    boxes = sealing.submission_box(secret, campaign.uid), sealing.consents_box(secret, campaign.uid)
    # The timer gets the id only: holding the key, it would keep what forget_session_keys() lets go.
    timer = threading.Timer(SESSION_KEY_LIFE, _forget, [campaign.id, key_id])
    timer.daemon = True
    return SessionKey(key_id, *boxes, time.monotonic() + SESSION_KEY_LIFE, timer)


def _forget(campaign_id: int, key_id: uuid.UUID) -> None:
    # Not under `_making`, which may wait seconds for the database. What a race could cost is a key made anew.
    key = _session_keys.get(campaign_id)
    if key and key.id == key_id:
        _session_keys.pop(campaign_id, None)


def forget_session_keys() -> None:
    """From here on this process cannot tell what it sealed."""
    for key in list(_session_keys.values()):
        key.timer.cancel()
    _session_keys.clear()
