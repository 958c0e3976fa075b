"""Who asked: proven, counted, delivered. Sealed all the way; see "The way of a signature" in the README.

The database keeps the promises: constraints here, rights and row security of the three roles in
config/grants.py, the campaign's guard in migrations/0002.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import F, Func, Q, Sum
from django.db.models.functions import Now
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from petitions.models import Addressee, Campaign, Disclosure

#: A request for a delivery that nobody approved within this time expires.
APPROVAL_EXPIRES = datetime.timedelta(hours=72)


def _is_sha256(column: str) -> Exact:
    return Exact(Func(F(column), function="octet_length", output_field=models.IntegerField()), 32)


class Source(models.TextChoices):
    """How a signature came."""

    WEB = "web", _("Web")
    DEMO = "demo", _("Synthetic")


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

    Web inserts it, sets `confirmed_at`, and sees only the row its token names (row security).
    The key is the SHA-256 of the token, so the write path keeps one index less.
    """

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False)
    sealing_key = models.ForeignKey(SealingKey, models.PROTECT, null=True, related_name="+", db_index=False)
    sealed = models.BinaryField(null=True)
    source = models.CharField(max_length=8, choices=Source, db_default=Source.WEB)
    created_at = models.DateTimeField(db_default=Now())
    #: When to send the confirmation mail: now, later after a failure, or – while a worker is at it – when
    #: to take that worker for dead. Null: nothing to send. A queue and its lease in one column.
    mail_due = models.DateTimeField(null=True, db_default=Now())
    mailed_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, null=True)
    #: The number in the register that the mailbox's owner may be told; never for a campaign at risk.
    number = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("submission")
        constraints = [
            models.CheckConstraint(name="submission_token_hash_32", condition=_is_sha256("token_hash")),
            models.CheckConstraint(
                name="submission_sealed_until_taken",
                condition=Q(sealed__isnull=False, sealing_key__isnull=False)
                | Q(outcome__isnull=False, sealed__isnull=True, sealing_key__isnull=True),
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
            models.Index("created_at", name="submission_by_age"),
        ]  # fmt: skip


class Withdrawal(models.Model):
    """A supporter pressed the button of a withdrawal link. Web inserts it; a worker finds the signature."""

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


class Register(models.Model):
    """One row a campaign: the lock that admission takes, and the last number given."""

    campaign = models.OneToOneField(Campaign, models.PROTECT, primary_key=True, related_name="register")
    last_number = models.BigIntegerField(db_default=0)
    #: Signatures counted now. Equals the sum of the tally; kept so that a page reads one row.
    counted = models.BigIntegerField(db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="register_counts_what_it_numbered", condition=Q(counted__lte=F("last_number")))
        ]


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
        ]


class TallyQuerySet(models.QuerySet["Tally"]):
    """Reading a tally is queryset vocabulary."""

    def of(self, campaign: Campaign) -> TallyQuerySet:
        return self.filter(campaign=campaign)

    def total(self) -> int:
        return self.aggregate(total=Sum("n"))["total"] or 0

    def by_country(self) -> dict[str, int]:
        """{country code: signatures}, largest first."""
        rows = self.values_list("country").annotate(total=Sum("n")).order_by("-total", "country")
        return {country: total for country, total in rows if total}

    def by_day(self) -> dict[datetime.date, int]:
        """{day: signatures}, in order of days."""
        rows = self.values_list("signed_on").annotate(total=Sum("n")).order_by("signed_on")
        return {day: total for day, total in rows if total}

    def by_source(self) -> dict[str, int]:
        """{source: signatures}, largest first."""
        rows = self.values_list("source").annotate(total=Sum("n")).order_by("-total", "source")
        return {source: total for source, total in rows if total}


class Tally(models.Model):
    """How many counted signatures per country, day and source. A derivative: see register/tally.py."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="tally", db_index=False)
    country = models.CharField(max_length=2)
    signed_on = models.DateField()
    source = models.CharField(max_length=8)
    n = models.IntegerField()

    objects = TallyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "country", "signed_on", "source"], name="tally_cell_once"),
            models.CheckConstraint(name="tally_not_negative", condition=Q(n__gte=0)),
        ]


class LedgerEntry(models.Model):
    """What one batch of work did to a campaign's register: the public ledger is their sum."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="ledger")
    #: The day only: with one signature a batch, a finer time would be that signature's.
    on = models.DateField()
    taken = models.IntegerField(db_default=0)
    admitted = models.IntegerField(db_default=0)
    duplicate = models.IntegerField(db_default=0)
    held = models.IntegerField(db_default=0)
    late = models.IntegerField(db_default=0)
    unreadable = models.IntegerField(db_default=0)
    withdrawn = models.IntegerField(db_default=0)
    expired = models.IntegerField(db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="ledger_entry_adds_up",
                condition=Q(taken=F("admitted") + F("duplicate") + F("held") + F("late") + F("unreadable")),
            )
        ]

    @classmethod
    def totals(cls, campaign: Campaign) -> dict[str, int]:
        """The sums of a campaign's ledger, by column."""
        columns = ("taken", "admitted", "duplicate", "held", "late", "unreadable", "withdrawn", "expired")
        sums: dict[str, Any] = cls.objects.filter(campaign=campaign).aggregate(**{c: Sum(c) for c in columns})
        return {column: sums[column] or 0 for column in columns}


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def live(self) -> DeliveryQuerySet:
        """Those whose range is taken: not withdrawn, expired or refused."""
        return self.exclude(state__in=Delivery.DEAD)

    def ready(self) -> DeliveryQuerySet:
        return self.filter(state=Delivery.State.READY)


class Delivery(models.Model):
    """One handing-over of a campaign to one addressee: a range of register numbers, frozen.

    Requested by one officer, approved by another, built by a worker (delivery/build.py). What web
    may set is in config/grants.py; what no role may do is in the constraints.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("Waiting for a second officer")
        APPROVED = "approved", _("Approved, waiting to be built")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        EXPIRED = "expired", _("Expired")

    DEAD = (State.WITHDRAWN, State.EXPIRED)

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="deliveries", verbose_name=_("campaign"))
    addressee = models.ForeignKey(Addressee, models.PROTECT, related_name="deliveries", verbose_name=_("addressee"))
    series = models.PositiveSmallIntegerField(_("series"), default=1)
    profile = models.CharField(_("profile"), max_length=10, choices=Disclosure, default=Disclosure.COUNT)
    first_number = models.BigIntegerField(_("from number"), editable=False)
    last_number = models.BigIntegerField(_("to number"), editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.REQUESTED, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("requested by"), editable=False
    )
    requested_at = models.DateTimeField(_("requested"), db_default=Now(), editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by"),
        editable=False,
    )  # fmt: skip
    approved_at = models.DateTimeField(_("approved"), null=True, editable=False)
    #: Why building it failed, in words for officers; never a person's data.
    problem = models.TextField(_("problem"), blank=True, db_default="", editable=False)
    #: What was frozen when it was built: the manifest as written into the packet.
    manifest = models.JSONField(_("manifest"), null=True, editable=False)
    archive = models.CharField(_("archive"), max_length=200, blank=True, db_default="", editable=False)
    archive_sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, db_default="", editable=False)
    built_at = models.DateTimeField(_("built"), null=True, editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-requested_at"]
        permissions = [("approve_delivery", "Can approve another officer's delivery")]
        constraints = [
            models.CheckConstraint(
                name="delivery_needs_two_people",
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")),
                violation_error_message=_("Somebody else has to approve it."),
            ),
            models.CheckConstraint(
                name="delivery_approved_before_built",
                condition=Q(state__in=["requested", "withdrawn", "expired"])
                | Q(approved_by__isnull=False, approved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="delivery_ready_has_packet",
                condition=~Q(state="ready") | (Q(manifest__isnull=False) & ~Q(archive="") & ~Q(archive_sha256="")),
            ),
            models.CheckConstraint(
                name="delivery_range_in_order",
                condition=Q(first_number__gte=1, last_number__gte=F("first_number") - 1),
            ),
            # Contiguous: each begins where the last ended, so one beginning can be taken only once.
            models.UniqueConstraint(
                fields=["campaign", "addressee", "series", "first_number"],
                condition=~Q(state__in=["withdrawn", "expired"]),
                name="delivery_ranges_disjoint",
                violation_error_message=_("A delivery of this range has been requested already."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What the packet is called: "belarus-1-3" is delivery 3 … of series 1."""
        return f"{self.campaign.slug}-{self.series}-{self.pk}"

    @property
    def total(self) -> int | None:
        """Signatures it hands over, as frozen when it was built; None before."""
        return self.manifest["totals"]["signatures"] if self.manifest else None

    @property
    def holds_persons(self) -> bool:
        """Whether its packet tells anything of a single person, and so has to be encrypted."""
        return self.profile != Disclosure.COUNT
