"""What the web takes: keys that seal, submissions, and withdrawals."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.models.published.sources import Source


def _is_sha256(column: str) -> Exact:
    return Exact(Func(F(column), function="octet_length", output_field=models.IntegerField()), 32)


class CampaignKey(models.Model):
    """A campaign's public key, written by a worker. The private key is in the keyring only."""

    campaign = models.OneToOneField(Campaign, models.PROTECT, primary_key=True, related_name="key")
    public_key = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("campaign key")

    def __str__(self) -> str:
        return f"key of {self.campaign_id}"


class SealingKey(models.Model):
    """A web process's session key, sealed to the campaign's public key; drained ones are deleted."""

    id = models.UUIDField(primary_key=True)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+")
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())


class Outcome(models.TextChoices):
    """What became of a submission that a worker took."""

    COUNTED = "counted", _("Counted")
    DUPLICATE = "duplicate", _("Duplicate")
    HELD = "held", _("Held for review")
    LATE = "late", _("Confirmed too late")
    UNREADABLE = "unreadable", _("Unreadable")


class Submission(models.Model):
    """What a web process took: sealed, waiting to be proven and admitted, then emptied.

    Web inserts it, sets `confirmed_at` and what its owner adds then, once, and sees only the row its token names (row
    security).
    The key is the SHA-256 of the token, so the write path keeps one index less.

    Guards: config/database/row_security.sql.
    """

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    # No foreign-key checks: the two locked one row of each parent at every signature, and were half of what the
    # database spent on it. Row security asks for the same without a lock (config/database/row_security.sql),
    # and a key belongs to a campaign by a foreign key of its own.
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    sealing_key = models.ForeignKey(
        SealingKey, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    sealed = models.BinaryField(null=True)
    #: What the mailbox's owner added when confirming: comment and consents. Null where nobody confirmed on the site;
    #: a source of its own (a demo, an import) has them in `sealed`.
    sealed_consents = models.BinaryField(null=True)
    consents_key = models.ForeignKey(
        SealingKey, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    source = models.CharField(max_length=8, choices=Source, db_default=Source.WEB)
    created_at = models.DateTimeField(db_default=Now())
    #: When to send the confirmation mail: now, later after a failure, or – while a worker is at it – when
    #: to take that worker for dead. Null: nothing to send. A queue and its lease in one column.
    mail_due = models.DateTimeField(null=True, db_default=Now())
    mailed_at = models.DateTimeField(null=True)
    #: The day on which its mail was counted against its mailbox (register/mail_limits.py); tries again are not.
    mail_counted_on = models.DateField(null=True)
    #: Why the mail server, or we, did not want it the last time: "554 5.7.1", "no mails left today"; "" since it went.
    #: Without `mail_due` it is given up (manage.py list_mails), with it it is tried again.
    mail_problem = models.CharField(max_length=40, blank=True, db_default="")
    #: A mail server said that the mail reached nobody (register/bounces.py).
    bounced_on = models.DateField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, null=True)
    #: The number in the register, for workers: nobody is told it. Never for a campaign at risk.
    number = models.BigIntegerField(null=True)
    #: Its mailbox under a label that leads to no signature without the keyring (identity.py, `links_label`): how a
    #: worker finds the links of a mailbox that withdraws.
    mailbox_label = models.BinaryField(null=True, max_length=16)
    #: Its mailbox withdrew since: the confirmation link says so then.
    withdrawn = models.BooleanField(db_default=False)

    class Meta:
        verbose_name = _("submission")
        constraints = [
            models.CheckConstraint(name="submission_token_hash_32", condition=_is_sha256("token_hash")),
            models.CheckConstraint(
                name="submission_sealed_until_taken",
                condition=Q(sealed__isnull=False, sealing_key__isnull=False)
                | Q(outcome__isnull=False, sealed__isnull=True, sealing_key__isnull=True),
            ),
            models.CheckConstraint(
                name="submission_consents_until_taken",
                condition=Q(sealed_consents__isnull=True, consents_key__isnull=True)
                | Q(sealed_consents__isnull=False, consents_key__isnull=False, sealed__isnull=False),
            ),
        ]
        indexes = [
            # read by register/admission.py: what is confirmed and not yet taken, oldest first
            models.Index(
                "campaign", "confirmed_at", name="submission_to_admit",
                condition=Q(confirmed_at__isnull=False, outcome__isnull=True),
            ),
            # read by register/mailing.py
            models.Index("mail_due", name="submission_to_mail", condition=Q(mail_due__isnull=False)),
            # read by register/pruning.py: drained sealing keys; and pending ones too old
            models.Index("sealing_key", name="submission_of_key", condition=Q(sealing_key__isnull=False)),
            models.Index("consents_key", name="submission_of_consents_key", condition=Q(consents_key__isnull=False)),
            models.Index("created_at", name="submission_by_age"),
        ]  # fmt: skip


class Withdrawal(models.Model):
    """A supporter pressed the button of a withdrawal link. Web inserts it; a worker finds the signature.

    Guards: config/database/row_security.sql.
    """

    class Outcome(models.TextChoices):
        WITHDRAWN = "withdrawn"
        UNKNOWN = "unknown"

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(max_length=10, choices=Outcome, null=True)

    class Meta:
        constraints = [models.CheckConstraint(name="withdrawal_token_hash_32", condition=_is_sha256("token_hash"))]
        indexes = [
            # read by register/withdrawal.py
            models.Index("created_at", name="withdrawal_to_apply", condition=Q(outcome__isnull=True)),
        ]
