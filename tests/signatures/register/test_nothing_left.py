"""A search that can fail: of one planted person it opens every box that it can, and looks for what leads to them in the
database, Redis, spool, packets, media and mails. Before they are erased it has to name each place; afterwards only the
tombstones are left, after a restore of yesterday's backup as well."""

import datetime
import re

import pyrage
import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.db import connection
from django.utils import timezone

from signatures.delivery.forgetting import forget_in_packets
from signatures.delivery.parts import build_part, plan_parts
from signatures.identity import (
    canonical_mailbox,
    fingerprint,
    links_label,
    name_key,
    unsubscription_hash,
    withdrawal_hash,
)
from signatures.mailbox_boxes import Owner, open_page, open_to_workers
from signatures.models import MailboxPage, MailboxRequest, NewsReader, SealingKey, Signature, Submission
from signatures.models.mail import SUPPRESSION_BYTES
from signatures.register import admission, mailbox_requests, mailbox_wishes, rejections, replaying, tombstones
from signatures.register.keyring import keyring as own_keyring
from signatures.register.keyring import keys_of
from signatures.register.unsealing import Opener
from tests.signatures.register.test_tombstones import Backup
from tests.support.fixtures import a_delivery, acting_as
from web import counters

NAME, EMAIL, PLACE = "Zephyrine Quillfeather", "zephyrine.quillfeather@example.org", "Quillhaven"
WORDS = (b"ephyrine", b"uillfeather", b"uillhaven")


class Search:
    """Looks for one person; `places` are those where something that leads to them was found."""

    def __init__(self, campaigns, opened_by):
        self.campaigns, self.opened_by, self.places = campaigns, opened_by, set()
        self.needles = list(WORDS)
        for campaign in campaigns:
            mac = keys_of(campaign).mac
            mark = fingerprint(mac, canonical_mailbox(EMAIL))
            news = unsubscription_hash(mac, mark)
            self.needles += [
                mark, name_key(mac, NAME), withdrawal_hash(mac, mark), news, news[:SUPPRESSION_BYTES],
                links_label(mac, mark), rejections.left_alone_label(mac, canonical_mailbox(EMAIL)),
            ]  # fmt: skip
            self.marks = tombstones.Marks()
            self.needles.append(self.marks.of_mailbox(str(campaign.uid), mark).encode())

    def look(self):
        for part in (self.database, self.boxes, self.redis, self.files, self.mails):
            part()
        return self.places

    def _see(self, place, content):
        content = bytes(content)
        if any(needle in content or needle.hex().encode() in content for needle in self.needles):
            self.places.add(place)

    def database(self):
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names():
                cursor.execute(f'SELECT t::text FROM "{table}" t')
                for (row,) in cursor.fetchall():
                    self._see(table, row.encode())

    def boxes(self):
        for campaign in self.campaigns:
            opener, keys = Opener(campaign), keys_of(campaign)
            opener.know(SealingKey.objects.values_list("pk", flat=True))
            for row in Submission.objects.filter(campaign=campaign, sealed__isnull=False):
                self._see("box of a submission", repr(opener.open(row.sealing_key_id, row.sealed, row.pk)).encode())
            for row in Signature.objects.filter(campaign=campaign, sealed__isnull=False):
                self._see("box of a signature", repr(keys.register_box.open(row.sealed, row.fingerprint)).encode())
        private = mailbox_requests.request_key()
        for row in MailboxPage.objects.all():
            owner = open_to_workers(bytes(row.owner), Owner, private, bytes(row.pk))
            self._see(
                "page", repr(owner).encode() + repr(open_page(bytes(row.sealed), owner.key, bytes(row.pk))).encode()
            )

    def redis(self):
        client = counters.redis()
        for key in client.scan_iter():
            self._see("redis", bytes(key) + (client.dump(key) or b""))

    def files(self):
        ring = own_keyring()
        identities = [*self.opened_by, *(ring.spool_identity(delivery) for delivery in ring.spools())]
        for place in ("spool", "packets", "media"):
            folder = self.folders / place
            for path in folder.rglob("*"):
                if path.is_file():
                    content = path.read_bytes()
                    self._see(place, content)
                    self._see(place, _opened(content, identities))
        self._see("tombstones", (ring.directory / tombstones.NAME).read_bytes() if tombstones.head() else b"")

    def mails(self):
        for sent in mail.outbox:
            self._see("mails", sent.message().as_bytes())


def _opened(content, identities):
    try:
        return pyrage.decrypt(content, identities)
    except pyrage.DecryptError:
        return b""


@pytest.fixture
def planted(make_campaign, sign, packets, identity, officers, keyring, client):
    """Somebody who is everywhere: counted, pending, on a list for news, in a packet that is being built, on a page."""
    mailbox_requests.publish_request_key()
    campaigns = [make_campaign(title="One"), make_campaign(title="Two")]
    for campaign in campaigns:
        sign(campaign, name=NAME, email=EMAIL, place=PLACE, share_name="1", updates="1", signals={"network": "n"})
        sign(campaign, email="bob@example.org", share_name="1")
        with acting_as(django_settings.WORKER_ROLE):
            admission.admit_all(campaign)
    sign(campaigns[0], name=NAME, email=EMAIL, confirmed=False)
    mac = keys_of(campaigns[0]).mac
    NewsReader.objects.create(token_hash=unsubscription_hash(mac, fingerprint(mac, canonical_mailbox(EMAIL))))
    delivery = a_delivery(campaigns[0], *officers, profile="named", first_number=1, last_number=2)
    with acting_as(django_settings.WORKER_ROLE):
        plan_parts(delivery)
        while build_part(delivery):
            pass
    return campaigns


@pytest.fixture
def search(planted, packets, identity):
    def look():
        found = Search(planted, [pyrage.x25519.Identity.from_str(identity)])
        found.folders = packets.parent
        return found.look()

    return look


def worker():
    MailboxRequest.objects.update(mail_due=timezone.now() - datetime.timedelta(minutes=1))
    with acting_as(django_settings.WORKER_ROLE):
        mailbox_requests.answer_requests()
        mailbox_wishes.grant_wishes(forget_in_packets)


def test_after_erasing_only_the_tombstone_is_left_and_a_backup_changes_nothing(planted, search, client):
    backup = Backup()
    client.post("/my-signatures/", {"email": EMAIL})
    worker()
    path = re.search(r"/mine/[\w-]{43}/", mail.outbox[-1].body)[0]
    assert search() == {
        "signatures_signature", "signatures_submission", "signatures_newsreader", "box of a submission",
        "box of a signature", "page", "spool", "mails",
    }  # fmt: skip
    client.post(path, {"wish": "erase"})
    worker()
    MailboxPage.objects.all().delete()  # an hour later
    mail.outbox.clear()  # they are in that mailbox, and nowhere else
    assert search() == {"tombstones"}
    backup.restore()
    assert {"signatures_signature", "box of a signature"} <= search()
    with acting_as(django_settings.WORKER_ROLE):
        replaying.replay_tombstones(replaying.union())
    assert search() == {"tombstones"}
