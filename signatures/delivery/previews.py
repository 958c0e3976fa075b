"""Letters of requested deliveries as they would be built now: what two officers look at before one of them approves."""

from __future__ import annotations

import logging

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from petitions.models import Disclosure
from signatures.delivery.archive import draft_manifest
from signatures.delivery.letter import compose, letter_pdf
from signatures.delivery.packet import FileEntry, Manifest
from signatures.delivery.parts import VOLUME_NUMBERS, ranges
from signatures.delivery.signing import signer
from signatures.delivery.snapshot import as_of_now
from signatures.delivery.typesetting import NotSet
from signatures.models import Delivery, LetterPreview, Signature
from signatures.register.keyring import KeysMissing

log = logging.getLogger(__name__)


def preview_letters() -> int:
    """Set what is missing, forget what is over; returns how many deliveries got theirs."""
    requested = Delivery.objects.filter(state=Delivery.State.REQUESTED)
    LetterPreview.objects.exclude(delivery__in=requested).delete()
    waiting = requested.select_related("campaign__section", "campaign__addressee", "addressee", "proposal")
    return sum(_previewed(delivery) for delivery in waiting if not _is_there(delivery))


def _is_there(delivery: Delivery) -> bool:
    made = delivery.previews.filter(letter_sha256=delivery.letter_sha256)
    return set(made.values_list("language", flat=True)) == set(delivery.letter_languages)


def _previewed(delivery: Delivery) -> bool:
    try:
        manifest, listed = _manifest(delivery)
        letters = {
            language: letter_pdf(compose(delivery, manifest, listed, language, preview=True))
            for language in delivery.letter_languages
        }
    except (KeysMissing, NotSet) as error:
        log.error("the letter of delivery %s could not be shown: %s", delivery.pk, error)
        return False
    totals, amendments = manifest.totals, manifest.amendments
    figures = {
        "signatures": totals.signatures,
        "listed": totals.listed,
        "strikes": len(amendments.numbers),
        "to_date": manifest.to_date,
    }
    with transaction.atomic():
        delivery.previews.all().delete()
        LetterPreview.objects.bulk_create(
            LetterPreview(
                delivery=delivery, language=language, letter_sha256=delivery.letter_sha256, pdf=pdf, figures=figures
            )
            for language, pdf in letters.items()
        )
    return True


def _manifest(delivery: Delivery) -> tuple[Manifest, list[FileEntry]]:
    """(what the manifest would say, the volumes that there would be)."""
    draft = draft_manifest(delivery, as_of_now(delivery), signer())
    volumes = _volumes(delivery)
    totals = msgspec.structs.replace(draft.totals, listed=sum(volume.rows for volume in volumes))
    return msgspec.structs.replace(draft, totals=totals), volumes


def _volumes(delivery: Delivery) -> list[FileEntry]:
    if not delivery.holds_persons:
        return []
    spans = ranges(delivery.first_number, delivery.last_number, VOLUME_NUMBERS)
    return [
        FileEntry(f"signers-volume-{position:03}.pdf", "–", 0, _listed(delivery).filter(number__range=span).count())
        for position, span in enumerate(spans, start=1)
    ]


def _listed(delivery: Delivery) -> QuerySet[Signature]:
    counted = Signature.objects.filter(campaign=delivery.campaign, state=Signature.State.COUNTED)
    return counted if delivery.profile == Disclosure.FULL else counted.filter(share_name=True)
