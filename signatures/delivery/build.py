"""(5) Building a delivery: range → parts → one snapshot → archive, encrypted while it streams.

Any number of workers build its parts (parts.py); one of them seals (snapshot.py) and assembles (archive.py). Killed at
any moment, the rest is done by another: nothing counts before the one UPDATE at the end.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from signatures.delivery.archive import write_archive
from signatures.delivery.conditions import check_chain, check_space, recipients_of
from signatures.delivery.parts import build_part, plan_parts
from signatures.delivery.snapshot import seal
from signatures.delivery.state import CannotBuild, change, fail, still_approved
from signatures.delivery.typesetting import NotSet
from signatures.models import Delivery

__all__ = ["CannotBuild", "build_deliveries", "build_delivery"]

log = logging.getLogger(__name__)

#: Rounds of rebuilding what withdrawals made stale, after which withdrawals wait; and for how long at most.
PATIENCE: Final = 3
WITHDRAWALS_WAIT: Final = datetime.timedelta(minutes=2)
#: The first half of a two-part advisory lock; the other is the campaign's key.
_LOCK: Final = 0x64656C


def build_deliveries(notice: Callable[[], None] = lambda: None) -> int:
    """Build each approved delivery, or those of its parts that no other worker is at. Returns how many became ready.

    `notice` is called when parts were laid out, and when one was built: there may be something to do for others.
    """
    approved = Delivery.objects.filter(state=Delivery.State.APPROVED)
    # Those of a series in their order: one waits for the one before it.
    waiting = approved.order_by("first_number", "proposal__decided_at")
    return sum(_tried(pk, notice) for pk in waiting.values_list("pk", flat=True))


def _tried(pk: int, notice: Callable[[], None]) -> bool:
    """Build one of several: a bug of ours that stops it must not stop those that wait behind it."""
    try:
        return build_delivery(pk, notice)
    except (InterfaceError, OperationalError):
        raise  # the database went away: those behind it would fare no better
    except Exception:
        log.exception("delivery %s could not be built; it will be retried", pk)
        return False


def build_delivery(pk: int, notice: Callable[[], None] = lambda: None) -> bool:
    """Build one approved delivery, as far as others leave something to do. Says if it became ready now."""
    delivery = Delivery.objects.select_related("campaign", "addressee", "proposal").get(pk=pk)
    if delivery.state != Delivery.State.APPROVED:
        return False
    try:
        if not _planned(delivery):
            return False
        if _something_to_build(delivery):
            notice()
        for stale in range(1, PATIENCE * 4):
            while build_part(delivery):
                notice()
            if _assembled(delivery):
                notice()  # the next of its series may have waited for it
                return True
            if not _something_to_build(delivery):
                return False  # others are at it, or were faster
            if stale >= PATIENCE:
                _hold_withdrawals(delivery)
    except CannotBuild as error:
        fail(delivery, str(error))
    except NotSet as error:
        fail(delivery, f"Its pages could not be typeset: {error}.")
    except OSError as error:
        fail(delivery, f"The packet could not be written: {error.strerror or type(error).__name__}.")
    return False


def _something_to_build(delivery: Delivery) -> bool:
    """Whether a part waits to be built that no other worker holds."""
    with transaction.atomic():
        free = delivery.parts.select_for_update(skip_locked=True).filter(digest__isnull=True)
        return still_approved(delivery) and free.first() is not None


def _planned(delivery: Delivery) -> bool:
    """Look whether it may and can be built, and lay out its parts. Says no where another worker is just doing so."""
    with _alone(delivery.campaign_id) as alone, transaction.atomic():
        if not alone:
            return delivery.parts.exists() and still_approved(delivery)
        # The guard looks at every UPDATE: a campaign narrowed since the approval says no, before anything is opened.
        change(delivery, problem="")
        recipients_of(delivery)
        check_chain(delivery)
        check_space(delivery)
        plan_parts(delivery)
    return True


def _assembled(delivery: Delivery) -> bool:
    """Seal the delivery and write its archive, if it is its turn, all is there and no other worker is at it.

    Not before its series is ready up to it: its amendments say what became of the packets before it.
    """
    with _alone(delivery.campaign_id) as alone:
        if not alone or not still_approved(delivery) or delivery.waits_for():
            return False
        recipients = recipients_of(delivery)
        check_chain(delivery)
        sealed = seal(delivery)
        return sealed is not None and write_archive(delivery, sealed, recipients)


def _hold_withdrawals(delivery: Delivery) -> None:
    """So many take their signatures back that parts are stale as soon as they are built: those wait for a moment."""
    if delivery.withdrawals_wait_until is None:
        log.warning("delivery %s: withdrawals from its campaign wait until it is sealed", delivery.reference)
        delivery.withdrawals_wait_until = timezone.now() + WITHDRAWALS_WAIT
        # Compared by the database's clock (register/withdrawal.py).
        change(delivery, withdrawals_wait_until=Now() + WITHDRAWALS_WAIT)


@contextmanager
def _alone(campaign: int) -> Iterator[bool]:
    """One packet of a campaign at a time. The lock ends with the connection: no lease to wait for after a kill."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, campaign])
        got: bool = cursor.fetchone()[0]
        try:
            yield got
        finally:
            if got:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, campaign])
