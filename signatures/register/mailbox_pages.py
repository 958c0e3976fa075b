"""What is held of one mailbox, put together for its owner, and never of a campaign at risk: who opens somebody's
mailbox must not find in it what that person signed against those in power."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db import connection
from django.utils import timezone, translation

from petitions.models import Campaign, Disclosure
from signatures.identity import Mac, canonical_mailbox, fingerprint
from signatures.mailbox_boxes import Held, Page, Recipient
from signatures.models import Delivery, Signature, Trace
from signatures.register.keyring import CampaignKeys, ForeignPublicKey, KeysMissing, keys_of
from signatures.register.pruning import TRACES_KEPT
from signatures.sealing import NotOpened

#: Signatures on one page: about as many as fill its padding.
MOST: Final = 200

# Raw: one statement for all campaigns, by the unique index; the ORM would ask once a campaign.
FIND: Final = """
SELECT s.id, s.campaign_id
  FROM unnest(%s::bigint[], %s::bytea[]) AS mailbox (campaign_id, fingerprint)
  JOIN signatures_signature s ON s.campaign_id = mailbox.campaign_id AND s.fingerprint = mailbox.fingerprint
 ORDER BY s.signed_on, s.id
"""


class Searched(NamedTuple):
    """A campaign that can be searched: its keys are here."""

    campaign: Campaign
    keys: CampaignKeys


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox in the campaigns that can be searched."""

    canonical: str
    searched: Sequence[Searched]

    @classmethod
    def of(cls, email: str, searched: Sequence[Searched]) -> Mailbox:
        """Raises NotAMailbox."""
        return cls(canonical_mailbox(email), searched)

    def only(self, uid: uuid.UUID | None) -> Mailbox:
        """In that campaign alone; in all of them where it is None."""
        return self if uid is None else Mailbox(self.canonical, [s for s in self.searched if s.campaign.uid == uid])

    def fingerprint(self, mac: Mac) -> bytes:
        return fingerprint(mac, self.canonical)

    def signatures(self) -> list[int]:
        """The keys of the signatures that are there, oldest first."""
        campaigns = [s.campaign.pk for s in self.searched]
        marks = [self.fingerprint(s.keys.mac) for s in self.searched]
        with connection.cursor() as cursor:
            cursor.execute(FIND, [campaigns, marks])
            return [key for key, _ in cursor.fetchall()]


def searchable() -> list[Searched]:
    """All campaigns whose keys are here; those of others were destroyed, and with them whatever could be found."""
    found = []
    for campaign in Campaign.objects.filter(shredding=None, register__isnull=False).select_related("addressee"):
        try:
            found.append(Searched(campaign, keys_of(campaign)))
        except (KeysMissing, ForeignPublicKey):
            continue
    return found


def page_of(email: str, language: str, searched: Sequence[Searched]) -> Page:
    """What is held of this mailbox, in words of that language. Raises NotAMailbox."""
    shown = Mailbox.of(email, [s for s in searched if not s.campaign.at_risk])
    keys = shown.signatures()
    with translation.override(language):
        held = list(_held(keys[:MOST], {s.campaign.pk: s for s in shown.searched}))
    return Page(email, held, timezone.now().isoformat(timespec="minutes"), left=max(0, len(keys) - MOST))


def _held(keys: list[int], searched: dict[int, Searched]) -> Iterator[Held]:
    signatures = Signature.objects.in_bulk(keys)
    hours = dict(Trace.objects.filter(pk__in=keys).values_list("pk", "hour"))
    packets = list(_packets(searched))
    for key in keys:
        signature = signatures.get(key)
        if signature is None or signature.sealed is None or signature.fingerprint is None:
            continue  # withdrawn this moment
        campaign, campaign_keys = searched[signature.campaign_id]
        trace = (hours[key] + TRACES_KEPT).date().isoformat() if key in hours else ""
        held = Held(
            campaign=str(campaign.uid), title=str(campaign.title), path=campaign.get_absolute_url(),
            addressee=str(campaign.addressee.name), signed_on=signature.signed_on.isoformat(), slot=signature.slot,
            country=signature.country, source=signature.source, trace_until=trace,
            handed_over=[told for packet, told in packets if _lists(packet, signature)],
        )  # fmt: skip
        yield _with_person(held, campaign_keys, signature)


def _with_person(held: Held, keys: CampaignKeys, signature: Signature) -> Held:
    try:
        person = keys.register_box.open(bytes(signature.sealed or b""), bytes(signature.fingerprint or b""))
    except NotOpened:
        return held  # it was altered: what is known of it stands in the row
    return _replace(held, {name: getattr(person, name) for name in _OF_PERSON})


_OF_PERSON: Final = (
    "name", "email", "place", "comment", "share_name", "share_comment", "updates", "language",
)  # fmt: skip


def _replace(held: Held, values: dict[str, str]) -> Held:
    return Held(**{name: getattr(held, name) for name in held.__struct_fields__} | values)


def _packets(campaigns: Iterable[int]) -> Iterator[tuple[Delivery, Recipient]]:
    """The finished packets that list persons, and what their recipient is told by."""
    ready = Delivery.objects.ready().exclude(profile=Disclosure.COUNT).filter(campaign__in=list(campaigns))
    fields = ("campaign", "addressee", "profile", "first_number", "last_number", "built_at")
    for packet in ready.select_related("addressee").only(*fields, "addressee__name", "addressee__translations"):
        on = packet.built_at.date().isoformat() if packet.built_at else ""
        yield packet, Recipient(str(packet.addressee.name), on)


def _lists(packet: Delivery, signature: Signature) -> bool:
    inside = signature.number is not None and packet.first_number <= signature.number <= packet.last_number
    agreed = signature.share_name or packet.profile == Disclosure.FULL
    return packet.campaign_id == signature.campaign_id and inside and agreed
