"""What people press on their own page, carried out. Whose page it is, a worker wrote down when it made it: the site
says only what was pressed on which page, and cannot ask for anything of a mailbox whose link nobody opened."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from django.db import connection, transaction
from django.db.models.functions import Now

from signatures.identity import NotAMailbox, name_key, unsubscription_hash, withdrawal_hash
from signatures.mailbox_boxes import Owner, Wish, campaign_of, open_to_workers, seal_page
from signatures.models import MailboxPage, MailboxWish, NewsMail, Signature, Unsubscription, Withdrawal
from signatures.register.erasure import allow_mails, erase_the_rest, forget_requests
from signatures.register.mailbox_pages import Mailbox, Searched, page_of, searchable
from signatures.register.mailbox_requests import request_key
from signatures.register.withdrawal import apply_withdrawals
from signatures.sealing import NotOpened, Person

log = logging.getLogger(__name__)

#: Wishes at one look.
BATCH: Final = 100

# Only where there may be something to withdraw: as the links of mails (config/database/links.sql).
WITHDRAW: Final = """
INSERT INTO signatures_withdrawal (token_hash)
SELECT hashed FROM unnest(%s::bytea[]) AS given (hashed) WHERE may_lead_to_signature(hashed)
    ON CONFLICT DO NOTHING
"""


#: Drops what unfinished packets tell of these (campaign, number): delivery/forgetting.py, unknown to this room.
type Forget = Callable[[Iterable[tuple[int, int]]], Any]


def grant_wishes(forget: Forget, limit: int = BATCH) -> int:
    """Carry out what was pressed, oldest first; returns how much was done."""
    waiting, after, done = MailboxWish.objects.filter(done_at__isnull=True).order_by("pk"), 0, 0
    searched: list[Searched] = []
    # Each once: those that have to wait, for a packet or for keys, must not stand before the others.
    while keys := list(waiting.filter(pk__gt=after).values_list("pk", flat=True)[:limit]):
        searched = searched or searchable()
        done += sum(_granted(key, searched, forget) for key in keys)
        after = keys[-1]
    return done


def _granted(key: int, searched: list[Searched], forget: Forget) -> bool:
    """Whether this wish is done now. Twice comes to the same as once: a worker killed in the middle begins again."""
    with transaction.atomic():
        wishes = MailboxWish.objects.select_for_update(skip_locked=True, of=("self",)).select_related("page")
        wish = wishes.filter(pk=key, done_at__isnull=True).first()
        if wish is None:
            return False
        page = MailboxPage.objects.select_for_update().get(pk=wish.page_id)
        try:
            owner = open_to_workers(bytes(page.owner), Owner, request_key(), bytes(page.token_hash))
            wanted = open_to_workers(bytes(wish.sealed), Wish, request_key(), bytes(page.token_hash))
            mailbox = Mailbox.of(owner.email, searched).only(campaign_of(wanted))
        except (NotOpened, NotAMailbox, ValueError):
            log.warning("what was pressed on a page of /my-signatures/ cannot be read: it is dropped")
            wish.delete()
            return False
        if not _carry_out(mailbox, wanted, forget):
            return False
        MailboxWish.objects.filter(pk=wish.pk).update(done_at=Now())
        _draw_anew(page, owner, searched)
    return True


def _draw_anew(page: MailboxPage, owner: Owner, searched: list[Searched]) -> None:
    """The page as it is now, under the key of the same link."""
    hashed = bytes(page.token_hash)
    sealed = seal_page(page_of(owner.email, owner.language, searched), owner.key, hashed)
    MailboxPage.objects.filter(pk=hashed).update(sealed=sealed)


def _carry_out(mailbox: Mailbox, wanted: Wish, forget: Forget) -> bool:
    """Whether it is done; no where something has to wait for a packet that is just being sealed."""
    match wanted.kind:
        case MailboxWish.Kind.WITHDRAW:
            return _withdraw(mailbox)
        case MailboxWish.Kind.ERASE:
            return _erase(mailbox, forget)
        case MailboxWish.Kind.END_UPDATES:
            _end_updates(mailbox)
        case MailboxWish.Kind.ALLOW:
            allow_mails(mailbox)
        case MailboxWish.Kind.CORRECT if wanted.name and wanted.campaign:
            _correct(mailbox, wanted)
    return True


def _withdraw(mailbox: Mailbox) -> bool:
    hashes = [withdrawal_hash(s.keys.mac, mailbox.fingerprint(s.keys.mac)) for s in mailbox.searched]
    with connection.cursor() as cursor:
        cursor.execute(WITHDRAW, [hashes])
    apply_withdrawals()
    return not Withdrawal.objects.filter(pk__in=hashes, outcome__isnull=True).exists()


def _erase(mailbox: Mailbox, forget: Forget) -> bool:
    # What waits to be admitted first: else it would come in after its mailbox was erased.
    erase_the_rest(mailbox)
    signatures = Signature.objects.filter(pk__in=mailbox.signatures(), number__isnull=False)
    numbers = list(signatures.values_list("campaign_id", "number"))
    if not _withdraw(mailbox):
        return False
    forget_requests(mailbox)
    forget((campaign, number) for campaign, number in numbers if number)
    return True


def _end_updates(mailbox: Mailbox) -> None:
    for campaign, keys in mailbox.searched:
        mark = mailbox.fingerprint(keys.mac)
        hashed = unsubscription_hash(keys.mac, mark)
        mine = Signature.objects.filter(campaign=campaign, fingerprint=mark)
        if not mine.exists():
            continue
        Unsubscription.objects.get_or_create(token_hash=hashed)
        NewsMail.objects.filter(signature__in=mine).delete()
        for signature in mine.select_for_update():
            _seal_again(Searched(campaign, keys), signature, {"updates": ""})


def _correct(mailbox: Mailbox, wanted: Wish) -> None:
    for searched in mailbox.searched:
        mark = mailbox.fingerprint(searched.keys.mac)
        mine = Signature.objects.filter(campaign=searched.campaign, fingerprint=mark, slot=wanted.slot)
        for signature in mine.select_for_update():
            _seal_again(searched, signature, {"name": wanted.name, "place": wanted.place})


def _seal_again(searched: Searched, signature: Signature, changes: dict[str, str]) -> None:
    """The same signature with other words in it. One that was withdrawn this moment stays empty."""
    keys, mark = searched.keys, bytes(signature.fingerprint or b"")
    try:
        person: Person = keys.register_box.open(bytes(signature.sealed or b""), mark)
    except NotOpened:
        return
    person = msgspec.structs.replace(person, **changes)
    there = Signature.objects.filter(pk=signature.pk, sealed__isnull=False)
    there.update(sealed=keys.register_box.seal(person, mark), name_key=name_key(keys.mac, person.name))
