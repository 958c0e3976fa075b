"""Synthetic signers into a register, by the way real ones take: sealed by intake, admitted by admission."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import batched
from typing import Final

from django.db import connection

from petitions.models import Campaign
from signatures.demo.people import Signer
from signatures.identity import new_token
from signatures.intake.submissions import seal
from signatures.models import Source
from signatures.register.admission import BATCH, admit_batch
from signatures.sealing import Person
from signatures.sign_form.consent import consents
from signatures.sign_form.shown_text import current_text

# Raw: COPY, so that 191,000 signers are there in half a minute.
COPY_SUBMISSIONS: Final = """
COPY signatures_submission (token_hash, campaign_id, sealing_key_id, sealed, source, confirmed_at, mail_due)
FROM STDIN
"""


def fill(campaign: Campaign, signers: Iterable[Signer]) -> Iterator[int]:
    """Sign the campaign for each, confirmed when they say; yields how many were admitted at each step.

    They confirmed already, so no mail is sent. Safe to run again: who is there counts once.
    """
    for batch in batched(signers, BATCH):
        _copy(campaign, batch)
        yield admit_batch(campaign, len(batch))


def _copy(campaign: Campaign, batch: Iterable[Signer]) -> None:
    # Sealed before the COPY begins: a new session key is another statement on the same connection.
    rows = [
        (sealed.token_hash, campaign.pk, sealed.key_id, sealed.box, Source.DEMO.value, signer.signed_at, None)
        for signer in batch
        for sealed in [seal(campaign, _person(campaign, signer), new_token())]
    ]
    with connection.cursor() as cursor, cursor.copy(COPY_SUBMISSIONS) as copy:
        for row in rows:
            copy.write_row(row)


def _person(campaign: Campaign, signer: Signer) -> Person:
    agreed = consents(campaign, signer.share_name, signer.share_comment, signer.updates)
    version, sha256 = current_text(campaign, signer.language)
    return Person(
        name=signer.name,
        email=signer.email,
        country=signer.country,
        place=signer.place,
        comment=signer.comment,
        language=signer.language,
        share_name=agreed["share_name"],
        share_comment=agreed["share_comment"],
        updates=agreed["updates"],
        version=version,
        text_sha256=sha256,
        signals=signer.signals or {},
    )
