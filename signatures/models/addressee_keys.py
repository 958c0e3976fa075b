"""To whom packets are encrypted outside this house: public keys of addressees; and packets that were encrypted anew."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from petitions.models import Addressee
from signatures.models.delivery import Delivery
from signatures.models.reveals import AGE_RECIPIENT
from staff.models.audit import NO_MAILBOX
from staff.models.proposal import Proposal


class AddresseeKey(models.Model):
    """A public age recipient of an authority or a third party: entered by one officer with the reference of what was
    agreed with them, approved by another, pinned by a worker.

    As with an officer's key (`Recipient`) the approver proves with their own pinned key that it is they who agree, and
    what counts is in the keyring: whoever writes to the database leads no packet elsewhere.

    Guards: config/database/recipients.sql, config/database/row_security.sql.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Pending approval")
        PINNED = "pinned", _("Active")
        REVOKED = "revoked", _("Revoked")

    class Problem(models.TextChoices):
        """Why a worker did not challenge or pin, in words for the approver."""

        NOT_ALLOWED = "not_allowed", _("Your role does not allow you to approve keys.")
        NOT_PINNED = "not_pinned", _("You have no active key, so you cannot prove your identity.")
        NOT_PROVEN = "not_proven", _("The proof did not match. Try again.")
        ASKER_LEFT = "asker_left", _("Whoever entered this key no longer has the role for it.")
        NO_KEY = "no_key", _("This is not a public age key. Ask them for it again.")

    addressee = models.ForeignKey(Addressee, models.PROTECT, related_name="keys", verbose_name=_("addressee"))
    recipient = models.CharField(
        _("public key"), max_length=70, help_text=_("The line that starts with age1, as they made it with age-keygen.")
    )
    agreement = models.CharField(
        _("agreement"), max_length=120,
        help_text=_("The reference of what you agreed on with them: a contract, a letter. No names, no addresses."),
    )  # fmt: skip
    state = models.CharField(_("status"), max_length=8, choices=State, db_default=State.WAITING)
    registered_at = models.DateTimeField(_("registered"), db_default=Now())
    #: What two people agree to.
    proposal = models.OneToOneField(Proposal, models.PROTECT, related_name="addressee_key")
    #: Who is about to approve, and asks to be challenged.
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    #: A random code, age-encrypted to the approver; a worker's mark of it; and the code as the approver sent it back.
    challenge = models.BinaryField(null=True)
    challenge_hash = models.BinaryField(null=True, max_length=32)
    proof = models.BinaryField(null=True, max_length=32)
    problem = models.CharField(max_length=12, choices=Problem, blank=True, db_default="")
    pinned_at = models.DateTimeField(_("active since"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("addressee’s key")
        verbose_name_plural = _("addressees’ keys")
        ordering = ["-registered_at", "-pk"]
        constraints = [
            models.CheckConstraint(name="addressee_key_is_age", condition=Q(recipient__regex=AGE_RECIPIENT)),
            models.UniqueConstraint(
                fields=["recipient"],
                name="addressee_key_once",
                violation_error_message=_("This key was registered before."),
            ),
            models.UniqueConstraint(
                fields=["addressee"], condition=Q(state="pinned"), name="addressee_key_one_pinned_an_addressee"
            ),
            models.UniqueConstraint(
                fields=["addressee"],
                condition=Q(state="waiting"),
                name="addressee_key_one_waiting_an_addressee",
                violation_error_message=_("Another key of this addressee is pending approval."),
            ),
            models.CheckConstraint(
                name="addressee_key_pinned_has_time", condition=~Q(state="pinned") | Q(pinned_at__isnull=False)
            ),
            models.CheckConstraint(
                name="addressee_key_has_an_agreement",
                condition=~Q(agreement="") & ~Q(agreement__contains="@"),
                violation_error_message=NO_MAILBOX,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.short

    @property
    def short(self) -> str:
        """Enough of it to tell two apart by eye, as it is shown and read out."""
        return f"{self.recipient[:12]}…{self.recipient[-8:]}"


class PacketCopy(models.Model):
    """A finished packet encrypted anew, to the keys that are in use now, for a key was lost. Its content is the same.

    Asked for by one officer, approved by another, made by a worker (delivery/reissuing.py); never changed.

    Guards: config/database/deliveries.sql.
    """

    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="copies")
    archive = models.CharField(_("file"), max_length=200)
    archive_sha256 = models.CharField(_("SHA-256"), max_length=64)
    made_at = models.DateTimeField(_("encrypted anew"), db_default=Now())
    #: Usernames of the officers who can open it; and whether the addressee can, with their own key.
    officers = models.JSONField()
    addressee_can = models.BooleanField()

    class Meta:
        verbose_name = _("packet encrypted anew")
        verbose_name_plural = _("packets encrypted anew")
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return self.archive
