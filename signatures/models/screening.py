"""What workers keep, for thirty days, of how signatures came: labels under the campaign's pepper, and reasons."""

from __future__ import annotations

import datetime
import enum
from typing import Final

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.models.register import Signature


class Reason(enum.IntFlag):
    """Why a signature may not be a person's. Reasons, not a score: each can be said, and looked up."""

    TRAP = 1
    NETWORK = 2
    DOMAIN = 4
    FRESH = 8
    COMMENT = 16
    QUICK = 32
    UNTIMED = 64
    UNWORKED = 128
    INSTANT = 256
    DISPOSABLE = 512
    UNLIMITED = 1024
    ABROAD = 2048
    TAGS = 4096

    @property
    def words(self) -> Promise:
        return REASONS[self]


REASONS: dict[Reason, Promise] = {
    Reason.TRAP: _("filled in a hidden field"),
    Reason.NETWORK: _("many signatures from the same network that day"),
    Reason.DOMAIN: _("many signatures at a mail domain first seen the day before"),
    Reason.FRESH: _("new mail domain, in an hour with many of them"),
    Reason.COMMENT: _("same comment as other signatures"),
    Reason.QUICK: _("form filled in within three seconds"),
    Reason.UNTIMED: _("form’s script did not run"),
    Reason.UNWORKED: _("required proof of work missing"),
    Reason.INSTANT: _("confirmed within seconds of the e-mail"),
    Reason.DISPOSABLE: _("disposable e-mail address"),
    Reason.UNLIMITED: _("signed while rate limits were unavailable"),
    Reason.ABROAD: _("network in a different country"),
    Reason.TAGS: _("many signatures of one mailbox under +tags"),
}

#: Those that say "one of many": alone none of the others holds a signature back.
CLUSTERS = Reason.NETWORK | Reason.DOMAIN | Reason.FRESH | Reason.COMMENT
#: Told to moderators, and never part of a sum: who has to fear for signing comes through a network abroad, together
#: with many others who do.
WEIGHTLESS = Reason.ABROAD


class Trace(models.Model):
    """How one signature came: the hour, and labels that say which came alike. Deleted after thirty days.

    Keyed by the signature, in a sequence, so that writing it costs admission one append. Web has no right on it.
    """

    signature = models.OneToOneField(
        Signature, models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="trace"
    )
    #: No foreign-key check a row: rows come only while the campaign's register is locked.
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    hour = models.DateTimeField()
    network = models.BinaryField(max_length=8)
    wide = models.BinaryField(max_length=8)
    domain = models.BinaryField(max_length=8)
    comment = models.BinaryField(max_length=8, null=True)
    reasons = models.IntegerField()

    class Meta:
        indexes = [
            # read by register/rulings.py and pruning.py. Rows come in order of time, so this costs next to nothing.
            BrinIndex("hour", name="trace_by_hour", autosummarize=True),
        ]


class LabelCount(models.Model):
    """How often a campaign saw a mail domain, a comment, a mailbox with tags or a crowded network, since when.
    Forgotten thirty days after the last time."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False)
    #: "d" a mail domain, "c" a comment, "t" a mailbox under +tags; "n" whoever came through a crowded network, "p"
    #: those who looked like people, "q" those of them with words of their own or none; "a" all of an hour, "f" those
    #: at new domains; "u" and "w" the same of those with something against them.
    kind = models.CharField(max_length=1)
    label = models.BinaryField(max_length=8)
    first_hour = models.DateTimeField()
    last_hour = models.DateTimeField()
    n = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "kind", "label"], name="label_counted_once")]


#: Signatures that one ruling may name one by one: two pages of a review list.
MOST_REFERENCES: Final = 50
#: How long what one person decided stands by itself.
RULING_LASTS: Final = datetime.timedelta(hours=72)


class RulingQuerySet(models.QuerySet["Ruling"]):
    def unconfirmed(self) -> RulingQuerySet:
        """Those that took signatures out of the count and end by themselves. The same rule as Ruling.ends_at."""
        ended = [Ruling.State.UNDOING, Ruling.State.UNDONE]
        return self.filter(confirmed_by=None, run_at__isnull=False).exclude(verb="count").exclude(state__in=ended)


class Ruling(models.Model):
    """What a person decided about all signatures that came alike, or about some one by one: carried out by a worker,
    and reversible.

    Guards: config/database/audited_rows.sql, config/database/row_security.sql, config/database/rulings.sql.
    """

    class Verb(models.TextChoices):
        HOLD = "hold", _("Hold for review")
        EXCLUDE = "exclude", _("Exclude")
        COUNT = "count", _("Count")

    class State(models.TextChoices):
        ASKED = "asked", _("Counting matches")
        READY = "ready", _("Awaiting your confirmation")
        RUNNING = "running", _("In progress")
        DONE = "done", _("Applied")
        CANCELLED = "cancelled", _("Stopped")
        UNDOING = "undoing", _("Undoing")
        UNDONE = "undone", _("Undone")

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="rulings", verbose_name=_("campaign"))
    verb = models.CharField(_("decision"), max_length=7, choices=Verb)
    #: {"network": hex, "wide": hex, "domain": hex, "comment": hex, "reason": name, "since": ISO, "until": ISO,
    #: "source": …, "signatures": [reference, …]}: all of them have to be so. Labels, times and references, no person.
    query = models.JSONField(_("criteria"))
    reason = models.CharField(_("reason"), max_length=300)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False, verbose_name=_("created by")
    )
    made_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    state = models.CharField(_("status"), max_length=9, choices=State, db_default=State.ASKED, editable=False)
    #: When it was carried out, by the database's clock: from then on the 72 hours count (config/database/rulings.sql).
    run_at = models.DateTimeField(null=True, editable=False)
    #: The second person, who makes it last.
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("confirmed by"),
    )
    #: How many it would touch, as a worker counted before anything was touched.
    would_touch = models.IntegerField(_("signatures affected"), null=True, editable=False)
    touched = models.IntegerField(_("changed so far"), db_default=0, editable=False)
    #: The last signature that was looked at: where a worker goes on.
    reached = models.BigIntegerField(db_default=0, editable=False)

    objects = RulingQuerySet.as_manager()

    class Meta:
        verbose_name = _("ruling")
        verbose_name_plural = _("rulings")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="ruling_runs_after_a_preview",
                condition=Q(state__in=["asked", "cancelled"]) | Q(would_touch__isnull=False),
            ),
            models.CheckConstraint(name="ruling_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="ruling_confirmed_by_another",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=models.F("made_by")),
                violation_error_message=_("Someone else has to confirm it."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} ({self.pk})"

    @property
    def ends_at(self) -> datetime.datetime | None:
        """When it is undone, unless somebody else confirms it; None where it is not, or was not carried out yet.

        The same rule as Ruling.objects.unconfirmed().
        """
        if self.verb == self.Verb.COUNT or self.confirmed_by_id is not None or self.run_at is None:
            return None
        return None if self.state in (self.State.UNDOING, self.State.UNDONE) else self.run_at + RULING_LASTS


class RulingItem(models.Model):
    """What one signature was before a ruling touched it: what undoing needs."""

    ruling = models.ForeignKey(Ruling, models.PROTECT, related_name="items")
    signature = models.ForeignKey(Signature, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    before = models.CharField(max_length=11)
    #: Why it was excluded before, if it was.
    removed_for = models.CharField(max_length=8, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ruling", "signature"], name="ruling_touches_once")]
        indexes = [
            # read by undoing, which leaves alone what a later ruling touched
            models.Index(fields=["signature"], name="ruling_item_by_signature"),
        ]
