"""What is handed over: ranges of register numbers, frozen."""

from __future__ import annotations

import datetime
import hashlib
import re
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q, Sum
from django.db.models.functions import Cast, Now
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from petitions.models import Addressee, Campaign, Disclosure
from staff.models.proposal import Proposal
from web.i18n.languages import known


class SigningKey(models.Model):
    """A public key of the organisation that signs manifests, written by a worker. The newest one signs now.

    Older ones stay: packets that they signed have to verify for as long as anybody keeps them.
    """

    #: In hexadecimal, of the key's 32 bytes.
    sha256 = models.CharField(primary_key=True, max_length=64)
    public_key = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("signing key")
        ordering = ["-created_at", "sha256"]

    def __str__(self) -> str:
        return self.grouped

    @property
    def grouped(self) -> str:
        """Its fingerprint for the eye: in groups of four."""
        return " ".join(self.sha256[at : at + 4] for at in range(0, len(self.sha256), 4))


def signatures_in(manifest: str) -> Cast:
    """The total that a manifest says, as SQL; `manifest` is the lookup that leads to it."""
    return Cast(F(f"{manifest}__totals__signatures"), models.BigIntegerField())


#: What stays in the database where the public is told of a packet: who asked, what went wrong, and the manifest, which
#: may list numbers by the thousand. The public tier has no right to read most of it (config/database/grants.py).
NOT_TOLD: Final = (
    "proposal", "letter", "problem", "manifest", "manifest_sha256", "archive_sha256", "withdrawals_wait_until",
)  # fmt: skip


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def live(self) -> DeliveryQuerySet:
        """Those whose range is taken: not withdrawn, expired, refused or discarded."""
        return self.exclude(state__in=Delivery.DEAD)

    def ready(self) -> DeliveryQuerySet:
        return self.filter(state=Delivery.State.READY)

    def told(self) -> DeliveryQuerySet:
        """Those of which the public is told: what became of them stands in the public log. `signatures` is the
        manifest's total. The same rule in SQL: config/database/row_security.sql."""
        in_the_log = self.ready().filter(pk__in=_public_entries().values("delivery"))
        return in_the_log.defer(*NOT_TOLD).annotate(signatures=signatures_in("manifest"))

    def handed_over(self) -> DeliveryQuerySet:
        """Those that the public log says were handed over."""
        return self.ready().filter(pk__in=_public_entries().filter(kind="handed").values("delivery"))

    def signatures(self) -> int:
        """Signatures in all of these packets."""
        return self.aggregate(sum=Sum(signatures_in("manifest")))["sum"] or 0


def _public_entries() -> models.QuerySet[Any]:
    # By its name: the log knows packets, so its module imports this one.
    return apps.get_model("signatures.Handover")._default_manager.published()


class Delivery(models.Model):
    """One handing-over of a campaign to one addressee: a range of register numbers, frozen.

    Requested by one officer, approved by another, built by a worker (delivery/build.py). What web
    may set is in config/database/grants.py; what no role may do is in the constraints.

    Guards: config/database/deliveries.sql, config/database/row_security.sql.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("Pending approval")
        APPROVED = "approved", _("Approved, queued")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        EXPIRED = "expired", _("Expired")
        DISCARDED = "discarded", _("Discarded")

    DEAD = (State.WITHDRAWN, State.EXPIRED, State.DISCARDED)

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="deliveries", verbose_name=_("campaign"))
    addressee = models.ForeignKey(Addressee, models.PROTECT, related_name="deliveries", verbose_name=_("addressee"))
    series = models.PositiveSmallIntegerField(_("series"), default=1)
    profile = models.CharField(_("disclosure"), max_length=10, choices=Disclosure, default=Disclosure.COUNT)
    first_number = models.BigIntegerField(_("from number"), editable=False)
    last_number = models.BigIntegerField(_("to number"), editable=False)
    state = models.CharField(_("status"), max_length=10, choices=State, default=State.REQUESTED, editable=False)
    #: Who asked, who agreed, and when: what two people agreed to is what this row says.
    proposal = models.OneToOneField(
        Proposal, models.PROTECT, related_name="delivery", verbose_name=_("approval"), editable=False
    )
    #: What officers wrote into the letter, as models/letter.py keeps it; "": the letter as it is by itself.
    letter = models.TextField(blank=True, default="", db_default="", editable=False)
    #: Why building it failed, in words for officers; never a person's data.
    problem = models.TextField(_("problem"), blank=True, db_default="", editable=False)
    #: What was frozen when it was built: the manifest as written into the packet.
    manifest = models.JSONField(_("manifest"), null=True, editable=False)
    #: Of the manifest's bytes: what the next packet of the series names, and what anybody may compare.
    manifest_sha256 = models.CharField(max_length=64, blank=True, db_default="", editable=False)
    archive = models.CharField(_("file"), max_length=200, blank=True, db_default="", editable=False)
    archive_sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, db_default="", editable=False)
    built_at = models.DateTimeField(_("built"), null=True, editable=False)
    #: Until then withdrawals of the campaign wait: so many came while it was built that it would never end.
    withdrawals_wait_until = models.DateTimeField(null=True, editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-proposal__requested_at"]
        constraints = [
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
                condition=~Q(state__in=["withdrawn", "expired", "discarded"]),
                name="delivery_ranges_disjoint",
                violation_error_message=_("A delivery of these numbers has already been requested."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference

    @property
    def agreed_terms(self) -> dict[str, Any]:
        """What its proposal has to say, word for word. The same rule in SQL: delivery_two_people()."""
        return {
            "campaign": self.campaign_id,
            "addressee": self.addressee_id,
            "profile": str(self.profile),
            "series": self.series,
            "first": self.first_number,
            "last": self.last_number,
            **({"letter": self.letter_sha256} if self.letter else {}),
        }

    @property
    def letter_sha256(self) -> str:
        """Of what officers wrote into the letter; "" where they wrote nothing."""
        return hashlib.sha256(self.letter.encode()).hexdigest() if self.letter else ""

    @property
    def letter_languages(self) -> list[str]:
        """The addressee's language, then the campaign's; one where they are the same."""
        codes = (self.addressee.letters_in, self.campaign.language)
        return list(dict.fromkeys(known(code) for code in codes if code))

    @property
    def requested_by(self) -> User:
        return self.proposal.requested_by

    @property
    def requested_at(self) -> datetime.datetime:
        return self.proposal.requested_at

    @property
    def approved_by(self) -> User | None:
        return self.proposal.decided_by if self.proposal.state == Proposal.State.APPROVED else None

    @property
    def approved_at(self) -> datetime.datetime | None:
        return self.proposal.decided_at if self.approved_by else None

    @property
    def reference(self) -> str:
        """What the packet is filed under: "BEL-2026-0011" is delivery 11, asked for in 2026. Its archive is called so,
        whatever it would be called today."""
        if named := self.archive.rpartition("-")[0]:
            return named
        letters = re.sub(r"[^a-z]", "", self.campaign.slug)[:3].upper() or "P"
        return f"{letters}-{self.requested_at.year}-{self.pk:04}"

    @property
    def file(self) -> tuple[str, str]:
        """(name in the storage, SHA-256) of what is downloaded: the latest copy that was encrypted anew, or the packet
        as it was built."""
        copy = self.latest_copy
        return (copy.archive, copy.archive_sha256) if copy else (self.archive, self.archive_sha256)

    @cached_property
    def latest_copy(self) -> Any:
        """The PacketCopy that was made last; None where it was never encrypted anew."""
        return self.copies.first() if self.pk else None

    def waits_for(self) -> Delivery | None:
        """The packet before it in its series, while that one is not ready; None where it is this one's turn.

        Packets of a series become ready in their order, for each says what became of those before it. The same rule in
        SQL: delivery_in_order().
        """
        before = Delivery.objects.live().filter(
            campaign=self.campaign_id,
            addressee=self.addressee_id,
            series=self.series,
            last_number=self.first_number - 1,
        )
        return before.exclude(state=Delivery.State.READY).exclude(pk=self.pk).first()

    @property
    def total(self) -> int | None:
        """Signatures it hands over, as frozen when it was built; None before."""
        return self.manifest["totals"]["signatures"] if self.manifest else None

    @property
    def holds_persons(self) -> bool:
        """Whether its packet tells anything of a single person, and so has to be encrypted."""
        return self.profile != Disclosure.COUNT


class DeliveryPart(models.Model):
    """A range of a delivery's signers in one form, built by whichever worker is free (delivery/parts.py).

    Its files are spooled, encrypted to a key that lives as long as the delivery is being built. `digest` says of which
    signers they tell: where it differs from the register when the packet is sealed, the part is built again.
    """

    class Kind(models.TextChoices):
        TABLES = "tables", _("Tables (CSV, XLSX)")
        VOLUME = "volume", _("Printable volume (PDF)")

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="parts")
    kind = models.CharField(max_length=6, choices=Kind)
    position = models.PositiveIntegerField()
    first_number = models.BigIntegerField()
    last_number = models.BigIntegerField()
    digest = models.BinaryField(null=True, max_length=32)
    #: [{"name", "sha256", "bytes", "rows", "spooled"}]; null while it is to be built.
    files = models.JSONField(null=True)
    #: How long building it took.
    seconds = models.FloatField(null=True)

    class Meta:
        ordering = ["delivery", "kind", "position"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "kind", "position"], name="delivery_part_once"),
            models.CheckConstraint(
                name="delivery_part_built_or_not",
                condition=Q(digest__isnull=True, files__isnull=True, seconds__isnull=True)
                | Q(digest__isnull=False, files__isnull=False, seconds__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.position} of delivery {self.delivery_id}"
