"""How anyone looks at a person: whose key an answer is encrypted to, and what was asked for.

No column holds a name, a mask or an address in clear: what staff look for comes sealed from their browser,
what a worker answers goes back sealed to it.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from staff.models.proposal import Proposal
from web.models import Section

#: An answer is deleted this long after it was given, and a question nobody answered this long after it was asked.
ANSWER_KEPT: Final = datetime.timedelta(minutes=10)
#: What an age recipient (X25519) looks like: bech32, 62 characters.
AGE_RECIPIENT: Final = r"^age1[02-9ac-hj-np-z]{58}$"


class DeskKey(models.Model):
    """The workers' own age recipient, to which officers' browsers seal what they look for. One row.

    The identity is in the keyring only. Web reads it, a worker writes it.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    recipient = models.CharField(max_length=70)

    class Meta:
        constraints = [
            models.CheckConstraint(name="desk_key_is_one", condition=Q(id=1)),
            models.CheckConstraint(name="desk_key_is_age", condition=Q(recipient__regex=AGE_RECIPIENT)),
        ]

    def __str__(self) -> str:
        return self.recipient


class Recipient(models.Model):
    """An officer's public age recipient: registered by them, approved by somebody else, pinned by a worker.

    The approver proves with an identity of their own, already pinned, that it is they who agree: a worker
    encrypts a `challenge` to it, and only who opens that can send the `proof`. So whoever holds the web
    host can write two names into a proposal, but not make a key that answers are encrypted to.

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
        OFFICER_LEFT = "officer_left", _("The owner of this key no longer has a role that needs one.")

    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="recipients", verbose_name=_("officer")
    )
    recipient = models.CharField(_("recipient"), max_length=70)
    state = models.CharField(_("status"), max_length=8, choices=State, db_default=State.WAITING)
    registered_at = models.DateTimeField(_("registered"), db_default=Now())
    #: What two people agree to; none where it was pinned by hand.
    proposal = models.OneToOneField(Proposal, models.PROTECT, null=True, related_name="recipient")
    #: Pinned on a worker's machine, by whoever has that: the first keys, and emergencies.
    by_hand = models.BooleanField(db_default=False)
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
        verbose_name = _("officer key")
        verbose_name_plural = _("officer keys")
        ordering = ["-registered_at", "-pk"]
        constraints = [
            models.CheckConstraint(name="recipient_is_age", condition=Q(recipient__regex=AGE_RECIPIENT)),
            models.UniqueConstraint(
                fields=["recipient"],
                name="recipient_once",
                violation_error_message=_("This key was registered before."),
            ),
            models.UniqueConstraint(
                fields=["officer"], condition=Q(state="pinned"), name="recipient_one_pinned_an_officer"
            ),
            models.UniqueConstraint(
                fields=["officer"],
                condition=Q(state="waiting"),
                name="recipient_one_waiting_an_officer",
                violation_error_message=_("You already have a key pending approval."),
            ),
            models.CheckConstraint(
                name="recipient_is_proposed_or_by_hand", condition=Q(by_hand=True) | Q(proposal__isnull=False)
            ),
            models.CheckConstraint(
                name="recipient_pinned_has_time", condition=~Q(state="pinned") | Q(pinned_at__isnull=False)
            ),
            models.CheckConstraint(
                name="recipient_approved_by_another", condition=Q(approver__isnull=True) | ~Q(approver=F("officer"))
            ),
        ]

    def __str__(self) -> str:
        return self.short

    @property
    def short(self) -> str:
        """Enough of it to tell two apart by eye, as it is shown and read out."""
        return f"{self.recipient[:12]}…{self.recipient[-8:]}"


class Purpose(models.TextChoices):
    """What an officer looks at a person for."""

    OWN_REQUEST = "own_request", _("The signer asks about their own signature")
    COMPLAINT = "complaint", _("Someone says they did not sign")
    REVIEW = "review", _("Checking a suspicious signature")
    VERIFICATION = "verification", _("A verifier asks about a number")
    FAULT = "fault", _("Investigating a technical problem")


class Refusal(models.TextChoices):
    """Why a worker did not answer, in words for the officer's page."""

    NOT_ALLOWED = "not_allowed", _("Your role in this section does not allow this.")
    NOT_PINNED = "not_pinned", _("You have no active key, so nothing can be encrypted to you.")
    LIMIT = "limit", _("You have reached the limit of signature lookups per 24 hours.")
    UNREADABLE = "unreadable", _("Your request arrived damaged. Send it again.")
    NO_KEYS = "no_keys", _("The keys of this campaign are not available, so its signatures cannot be opened.")
    EXPIRED = "expired", _("There was no answer within ten minutes, so the request has expired. Send it again.")


class RevealQuerySet(models.QuerySet["Reveal"]):
    def waiting(self, at: datetime.datetime | None = None) -> RevealQuerySet:
        """Those a worker is to answer. The same rule as Reveal.is_waiting()."""
        return self.filter(state=Reveal.State.ASKED, asked_at__gt=(at or timezone.now()) - ANSWER_KEPT)

    def overdue(self, at: datetime.datetime | None = None) -> RevealQuerySet:
        """Those nobody answered in time."""
        return self.filter(state=Reveal.State.ASKED, asked_at__lte=(at or timezone.now()) - ANSWER_KEPT)

    def outlived(self, at: datetime.datetime | None = None) -> RevealQuerySet:
        """Those whose answer is past its time."""
        return self.filter(state=Reveal.State.ANSWERED, answered_at__lte=(at or timezone.now()) - ANSWER_KEPT)


class Reveal(models.Model):
    """One look at persons: asked for by an officer, answered by a worker to that officer's key alone.

    Web inserts the question, and may close what was answered; it reads ciphertext only.

    Guards: config/database/row_security.sql.
    """

    class Kind(models.TextChoices):
        NUMBER = "number", _("By number")
        EMAIL = "email", _("By e-mail address, in all campaigns of a section")
        LIST = "list", _("Held for review (details masked)")

    class State(models.TextChoices):
        ASKED = "asked", _("Waiting for an answer")
        ANSWERED = "answered", _("Answered")
        REFUSED = "refused", _("Refused")
        CLOSED = "closed", _("Closed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("officer"))
    section = models.ForeignKey(Section, models.PROTECT, related_name="+", verbose_name=_("section"))
    #: Null where every campaign of the section is searched.
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, null=True, related_name="+", verbose_name=_("campaign"), db_index=False
    )
    kind = models.CharField(_("type"), max_length=6, choices=Kind)
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    reason = models.CharField(_("reason"), max_length=200)
    #: By kind, one of three: a number of the register; an address, sealed in the browser; a page from 1 on.
    number = models.BigIntegerField(null=True)
    query = models.BinaryField(null=True)
    page = models.PositiveIntegerField(null=True)
    state = models.CharField(_("status"), max_length=8, choices=State, db_default=State.ASKED)
    refusal = models.CharField(max_length=12, choices=Refusal, blank=True, db_default="")
    answer = models.BinaryField(null=True)
    asked_at = models.DateTimeField(_("requested"), db_default=Now())
    answered_at = models.DateTimeField(null=True)

    objects = RevealQuerySet.as_manager()

    class Meta:
        verbose_name = _("signature lookup")
        verbose_name_plural = _("signature lookups")
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                name="reveal_asks_for_one_thing",
                condition=Q(kind="number", campaign__isnull=False, number__gte=1, query__isnull=True, page__isnull=True)
                # The address goes with the answer: it is needed no longer.
                | Q(kind="email", campaign__isnull=True, number__isnull=True, page__isnull=True)
                | Q(kind="list", campaign__isnull=False, number__isnull=True, query__isnull=True, page__gte=1),
            ),
            models.CheckConstraint(
                name="reveal_answer_only_while_answered",
                condition=Q(state="answered", answer__isnull=False, answered_at__isnull=False, query__isnull=True)
                | (~Q(state="answered") & Q(answer__isnull=True)),
            ),
            models.CheckConstraint(name="reveal_reason_names_no_mailbox", condition=~Q(reason__contains="@")),
            models.CheckConstraint(
                name="reveal_query_is_no_book",
                condition=LessThanOrEqual(
                    Func(F("query"), function="octet_length", output_field=models.IntegerField()), 4096
                ),
            ),
        ]
        indexes = [
            # read by register/reveal.py: what is to be answered or cleared
            models.Index("asked_at", name="reveal_open", condition=Q(state__in=["asked", "answered"])),
            # read by register/reveal.py: an officer's looks of the last day
            models.Index("officer", "answered_at", name="reveal_by_officer", condition=Q(answered_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def is_waiting(self, at: datetime.datetime | None = None) -> bool:
        """Whether a worker may still answer it. The same rule as Reveal.objects.waiting()."""
        return self.state == self.State.ASKED and self.asked_at > (at or timezone.now()) - ANSWER_KEPT

    def has_outlived(self, at: datetime.datetime | None = None) -> bool:
        """Whether its answer is past its time. The same rule as Reveal.objects.outlived()."""
        answered = self.state == self.State.ANSWERED and self.answered_at is not None
        return answered and self.answered_at <= (at or timezone.now()) - ANSWER_KEPT  # type: ignore[operator]
