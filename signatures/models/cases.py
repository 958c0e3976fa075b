"""What people ask of us by letter or telephone about their data, until it is answered: the register of requests.

No case holds a name or an address: a reference leads to the letter, a number to the signature.
"""

from __future__ import annotations

import datetime
from typing import Final

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from web.models import Section

#: From here on a case is on its officer's first page (the law gives a month; GDPR, article 12.3).
REMIND_AFTER: Final = datetime.timedelta(days=20)


def month_after(day: datetime.date) -> datetime.date:
    """The same day of the next month, or its last where it has no such day."""
    first = (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
    last = (first + datetime.timedelta(days=32)).replace(day=1) - datetime.timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


class CaseQuerySet(models.QuerySet["Case"]):
    def open(self) -> CaseQuerySet:
        return self.filter(outcome="")

    def pressing(self, today: datetime.date) -> CaseQuerySet:
        """Those that are to be answered soon, or were to be. The same rule as Case.is_pressing()."""
        return self.open().filter(received_on__lte=today - REMIND_AFTER)


class Case(models.Model):
    """One request. Written by the privacy officer; what it does to a signature, a worker does (`CaseAct`).

    Guards: config/database/audited_rows.sql.
    """

    class Kind(models.TextChoices):
        ACCESS = "access", _("Tell what we hold (article 15)")
        CORRECT = "correct", _("Correct (article 16)")
        ERASE = "erase", _("Erase (article 17)")
        RESTRICT = "restrict", _("Restrict (article 18)")
        OBJECT = "object", _("Objection (article 21)")
        WITHDRAW = "withdraw", _("Withdraw a signature")
        OTHER = "other", _("Something else")

    class Identity(models.TextChoices):
        MAILBOX = "mailbox", _("Wrote from the mailbox that signed")
        CALLED_BACK = "called", _("Called back, and knew what only the signer knows")
        DOCUMENT = "document", _("Showed a document; no copy was kept")
        NOT_NEEDED = "none", _("Nothing was told or changed")

    class Outcome(models.TextChoices):
        DONE = "done", _("Done as asked")
        PARTLY = "partly", _("Done in part")
        NOTHING = "nothing", _("We hold nothing")
        REFUSED = "refused", _("Refused, and said why")
        DROPPED = "dropped", _("Not pursued by the person")

    section = models.ForeignKey(Section, models.PROTECT, related_name="+", verbose_name=_("section"))
    kind = models.CharField(_("asks for"), max_length=8, choices=Kind)
    reference = models.CharField(
        _("reference"), max_length=60,
        help_text=_("Where the letter is filed: “2026/17”. Never a name or an address."),
    )  # fmt: skip
    received_on = models.DateField(_("received"))
    due_on = models.DateField(_("due"), editable=False)
    identity = models.CharField(_("how identity was checked"), max_length=8, choices=Identity, blank=True)
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome, blank=True)
    answered_on = models.DateField(_("answered"), null=True, blank=True)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("data request")
        verbose_name_plural = _("data requests")
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="case_names_no_mailbox", condition=~Q(reference__contains="@"),
                violation_error_message=_("Do not enter e-mail addresses here: others read it."),
            ),
            models.CheckConstraint(
                name="case_answered_has_all",
                condition=Q(outcome="", answered_on__isnull=True)
                | (~Q(outcome="") & ~Q(identity="") & Q(answered_on__gte=F("received_on"))),
                violation_error_message=_("An answer needs an outcome, its day, and how identity was checked."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference

    def save(self, *args: object, **kwargs: object) -> None:
        self.due_on = month_after(self.received_on)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def is_pressing(self, today: datetime.date | None = None) -> bool:
        """Whether it is to be answered soon, or was to be. The same rule as Case.objects.pressing()."""
        return not self.outcome and self.received_on <= (today or timezone.now().date()) - REMIND_AFTER


class CaseAct(models.Model):
    """What is to be done to one signature for a case: the officer writes it down, a worker does it and says so.

    Guards: config/database/audited_rows.sql, config/database/cases.sql.
    """

    class Kind(models.TextChoices):
        WITHDRAW = "withdraw", _("Withdraw this signature")
        ERASE = "erase", _("Erase all that its mailbox left in this campaign")
        OBJECT = "object", _("Withdraw after an objection")

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        NOT_FOUND = "missing", _("There is no such signature any more")
        NOT_ALLOWED = "refused", _("Your role does not allow this, or identity was not checked")
        LIMIT = "limit", _("More than 20 people in a day: that takes the proofs of shredding")
        NO_KEYS = "no_keys", _("The keys of this campaign are not available")

    case = models.ForeignKey(Case, models.PROTECT, related_name="acts")
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", verbose_name=_("campaign"))
    number = models.BigIntegerField(_("signature number"), validators=[MinValueValidator(1)])
    kind = models.CharField(_("what to do"), max_length=8, choices=Kind)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    outcome = models.CharField(_("result"), max_length=8, choices=Outcome, blank=True, db_default="", editable=False)
    done_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("act")
        verbose_name_plural = _("acts")
        ordering = ["pk"]
        indexes = [
            # read by register/cases.py
            models.Index("asked_at", name="caseact_to_do", condition=Q(done_at__isnull=True))
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())
