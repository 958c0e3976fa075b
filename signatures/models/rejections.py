""" "That was not me": what the owners of mailboxes say of signatures that somebody typed with their address."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.db.models.lookups import Exact

from petitions.models import Campaign


class Rejection(models.Model):
    """Somebody pressed the button of such a link. Web inserts it; a worker drops the submission.

    Guards: config/database/row_security.sql.
    """

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="rejection_token_hash_32",
                condition=Exact(Func(F("token_hash"), function="octet_length", output_field=models.IntegerField()), 32),
            )
        ]
        indexes = [
            # read by register/rejections.py
            models.Index("created_at", name="rejection_to_apply", condition=Q(done_at__isnull=True))
        ]


class LeftAlone(models.Model):
    """A mailbox that one campaign's form mails no more, as a label that means nothing without the keyring."""

    label = models.BinaryField(primary_key=True, max_length=16)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+")
    on = models.DateField(db_default=Now())


class RejectionCount(models.Model):
    """How often it was said of one campaign on one day: a sign of attack. Whose mailboxes they were, nobody is told."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False)
    on = models.DateField()
    n = models.IntegerField(db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "on"], name="rejectioncount_per_day")]
