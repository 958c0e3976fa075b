"""What a privacy officer has done to a signature for somebody who wrote or called: checked, done, and written down with
the case's reference, in one transaction."""

from __future__ import annotations

import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from signatures.identity import NotAMailbox
from signatures.models import CaseAct, Register, Signature
from signatures.register.erasure import erase_the_rest, forget_requests
from signatures.register.keyring import ForeignPublicKey, KeysMissing, keys_of
from signatures.register.mailbox_pages import Mailbox, Searched
from signatures.register.mailbox_wishes import Forget
from signatures.register.withdrawal import erase_rows
from signatures.sealing import NotOpened
from staff import audit
from staff.access import may

#: People in 24 hours, of the whole installation: beyond, it is shredding by another name.
PER_DAY: Final = 20
DAY: Final = datetime.timedelta(hours=24)
#: Of an advisory lock: acts come one by one, or two workers would both see the last of the day as free.
_LOCK: Final = 0x636173


class _NotDone(Exception):
    def __init__(self, outcome: CaseAct.Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


def act_on_cases(forget: Forget) -> int:
    """Do what is asked for, oldest first; returns how many were settled."""
    waiting = CaseAct.objects.filter(done_at__isnull=True).order_by("pk")
    return sum(_settled(key, forget) for key in waiting.values_list("pk", flat=True))


@transaction.atomic
def _settled(key: int, forget: Forget) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    acts = CaseAct.objects.select_for_update(skip_locked=True, of=("self",)).select_related("case", "campaign__section")
    act = acts.filter(pk=key, done_at__isnull=True).first()
    if act is None:
        return False
    try:
        _do(act, forget)
        outcome = CaseAct.Outcome.DONE
    except _NotDone as refused:
        outcome = refused.outcome
    CaseAct.objects.filter(pk=act.pk).update(outcome=outcome, done_at=timezone.now())
    return True


def _do(act: CaseAct, forget: Forget) -> None:
    officer = User.objects.only("id", "username", "is_active").get(pk=act.asked_by_id)
    same_section = act.case.section_id == act.campaign.section_id
    if not may(officer, "case.act", act.campaign) or not act.case.identity or not same_section:
        raise _NotDone(CaseAct.Outcome.NOT_ALLOWED)
    done = CaseAct.objects.filter(outcome=CaseAct.Outcome.DONE, done_at__gt=timezone.now() - DAY)
    if done.count() >= PER_DAY:
        raise _NotDone(CaseAct.Outcome.LIMIT)
    register = Register.objects.select_for_update().get(pk=act.campaign_id)
    there = Signature.objects.filter(campaign=act.campaign, number=act.number, sealed__isnull=False)
    if (signature := there.first()) is None:
        raise _NotDone(CaseAct.Outcome.NOT_FOUND)
    if act.kind == CaseAct.Kind.ERASE:
        _erase(act, register, signature, forget)
    else:
        erase_rows(register, [signature])
    detail = {"case": act.case_id, "campaign": act.campaign.slug, "number": act.number}
    audit.append(officer, f"case.{act.kind}", act.campaign.section, act.case.reference, detail)


def _erase(act: CaseAct, register: Register, signature: Signature, forget: Forget) -> None:
    """Of its mailbox in this campaign: every signature, and what is pending."""
    try:
        keys = keys_of(act.campaign)
        email = keys.register_box.open(bytes(signature.sealed or b""), bytes(signature.fingerprint or b"")).email
        mailbox = Mailbox.of(email, [Searched(act.campaign, keys)])
    except (KeysMissing, ForeignPublicKey, NotOpened, NotAMailbox):
        raise _NotDone(CaseAct.Outcome.NO_KEYS) from None
    erase_the_rest(mailbox)
    rows = list(Signature.objects.filter(pk__in=mailbox.signatures()).defer("sealed"))
    numbers = [row.number for row in rows if row.number]
    erase_rows(register, rows)
    forget_requests(mailbox)
    forget((act.campaign_id, number) for number in numbers)
