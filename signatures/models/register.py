"""The register: one row a signature, numbered; the workers' tables."""

from __future__ import annotations

from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.models.published.sources import Source


class Register(models.Model):
    """One row a campaign: the lock that admission takes, and the last number given.

    Guards: config/database/row_security.sql.
    """

    campaign = models.OneToOneField(Campaign, models.PROTECT, primary_key=True, related_name="register")
    last_number = models.BigIntegerField(db_default=0)
    #: Signatures counted now. Equals the sum of the tally; kept so that a page reads one row.
    counted = models.BigIntegerField(db_default=0)
    #: How often something was added to the count and taken from it, ever.
    added = models.BigIntegerField(db_default=0)
    removed = models.BigIntegerField(db_default=0)
    #: The last additions and removals that do not fill a ten: {"added": [cell …], "removed": [cell …]}, at most nine
    #: each. What is made public knows of whole tens only (figures.py).
    unsettled = models.JSONField(db_default=Value({}, models.JSONField()))

    class Meta:
        constraints = [
            models.CheckConstraint(name="register_counts_what_it_numbered", condition=Q(counted__lte=F("last_number"))),
        ]


class Removal(models.TextChoices):
    """Why signatures were taken out by a ruling: what they had in common. Public, and so no more than a word.

    What it is called: ledger.py.
    """

    NETWORK = "network"
    DOMAIN = "domain"
    COMMENT = "comment"
    SCREENED = "screened"
    REVIEWED = "reviewed"
    OTHER = "other"


def why_outside(state: str, removed_for: str) -> str:
    """Why a signature of the register is not counted: "quarantined", "withdrawn" or a Removal; "" where it is."""
    if state == Signature.State.EXCLUDED:
        return removed_for or Removal.OTHER.value
    return "" if state == Signature.State.COUNTED else str(state)


class Signature(models.Model):
    """One person's name under one campaign. Worker only; web has no right on this table.

    Nothing here says when, finer than the day. The key is a sequence, which tells no more than
    `number` does; a random one would cost admission another random index.
    """

    class State(models.TextChoices):
        COUNTED = "counted", _("Counted")
        QUARANTINED = "quarantined", _("Held for review")
        EXCLUDED = "excluded", _("Excluded")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    #: No foreign-key check a row: it would lock the same campaign row for each of 10,000 a second.
    #: Rows come only while the campaign's Register row is locked, which has the foreign key.
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="signatures", db_index=False, db_constraint=False
    )
    number = models.BigIntegerField(null=True)
    signed_on = models.DateField()
    slot = models.SmallIntegerField(db_default=0)
    #: Agreed to be named to this campaign's addressee.
    share_name = models.BooleanField(db_default=False)
    country = models.CharField(max_length=2)
    source = models.CharField(max_length=8, choices=Source)
    state = models.CharField(max_length=11, choices=State)
    #: Which of the campaign's texts it is to (TextVersion.number); 0 where that is not known.
    version = models.SmallIntegerField(db_default=0)
    #: A Removal: why a ruling excluded it, the last one that did. Says nothing while it is in another state.
    removed_for = models.CharField(max_length=8, choices=Removal, blank=True, db_default="")
    #: HMAC of the canonical mailbox under the campaign's pepper, 16 bytes (identity.py).
    fingerprint = models.BinaryField(null=True, max_length=16)
    #: Blind key of the name, 8 bytes: tells two persons of one mailbox apart.
    name_key = models.BinaryField(null=True, max_length=8)
    withdrawal_hash = models.BinaryField(null=True, max_length=32)
    sealed = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("signature")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "fingerprint", "slot"], name="signature_once_per_slot"),
            models.UniqueConstraint(fields=["campaign", "number"], name="signature_number_once"),
            models.CheckConstraint(
                name="signature_counted_has_number", condition=~Q(state="counted") | Q(number__isnull=False)
            ),
            models.CheckConstraint(
                name="signature_withdrawn_is_erased",
                condition=Q(
                    state="withdrawn",
                    fingerprint__isnull=True,
                    name_key__isnull=True,
                    withdrawal_hash__isnull=True,
                    sealed__isnull=True,
                )
                | (
                    ~Q(state="withdrawn")
                    & Q(
                        fingerprint__isnull=False,
                        name_key__isnull=False,
                        withdrawal_hash__isnull=False,
                        sealed__isnull=False,
                    )
                ),
            ),
        ]
        indexes = [
            # read by register/withdrawal.py. A hash index: a third of the size of a B-tree on 32 random bytes.
            HashIndex(fields=["withdrawal_hash"], name="signature_by_withdrawal"),
            # read by register/tally.py: the few that are not counted, without a look at the others
            models.Index("campaign", "state", name="signature_not_counted", condition=~Q(state="counted")),
        ]
