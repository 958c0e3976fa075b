"""Campaigns whose keys were destroyed, and what it takes to have them destroyed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from staff.models.proposal import Proposal


class Shredding(models.Model):
    """A campaign whose keys were destroyed: nobody can read who signed. A worker writes it, then destroys them.

    Guards: config/database/two_people.sql.
    """

    campaign = models.OneToOneField(Campaign, models.PROTECT, primary_key=True, related_name="shredding")
    at = models.DateTimeField(_("destroyed"), db_default=Now())
    #: On a worker's host, by whoever has that and two identity files: no approval was spent.
    by_hand = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("shredding")
        verbose_name_plural = _("shreddings")

    def __str__(self) -> str:
        return f"shredding of {self.campaign_id}"


class ShreddingProof(models.Model):
    """That one of the two people really wants it: they open what a worker encrypted to their pinned key.

    Web asks for a challenge and relays the answer; what counts is what a worker finds (register/shredding.py).

    Guards: config/database/row_security.sql.
    """

    class Problem(models.TextChoices):
        NOT_PINNED = "not_pinned", _("You have no active key, so you cannot prove your identity.")
        NOT_PROVEN = "not_proven", _("The proof did not match. Try again.")

    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="shredding_proofs")
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    challenge = models.BinaryField(null=True)
    challenge_hash = models.BinaryField(null=True, max_length=32)
    proof = models.BinaryField(null=True, max_length=32)
    #: Set by a worker that has seen that the proof is right.
    proven_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=12, choices=Problem, blank=True, default="", db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proposal", "officer"], name="shredding_proof_once_a_person")]


class ShreddingNotice(models.Model):
    """That all officers were told, and until when any of them can stop it. Written by a worker, for staff to see.

    What the worker goes by is in its keyring: nobody who holds the database alone moves the time.
    """

    proposal = models.OneToOneField(Proposal, models.PROTECT, primary_key=True, related_name="shredding_notice")
    told_at = models.DateTimeField()
    due_at = models.DateTimeField()


class ShreddingStop(models.Model):
    """One officer has stopped it, for good. Web only adds one."""

    proposal = models.OneToOneField(Proposal, models.PROTECT, primary_key=True, related_name="shredding_stop")
    #: Null: on a worker's host.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(db_default=Now())
