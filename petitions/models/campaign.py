"""The petition itself: its state, its deadlines, and how its signers are protected."""

from __future__ import annotations

import datetime
import uuid
from typing import Final

from django.apps import apps
from django.contrib.auth.models import User
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Greatest, Least, TruncDate
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from petitions.models.addressee import Addressee
from petitions.models.picture import Picture
from petitions.search import CampaignText, beginning_with, words_of
from web.i18n.text import to_html
from web.i18n.translated import Translated, TranslatedCharField, TranslatedMarkdownField, TranslatedTextField
from web.models import Section

#: A confirmation pressed this long after a campaign closed still counts: the mail may have been slow.
CONFIRMATION_GRACE: Final = datetime.timedelta(hours=24)


class Disclosure(models.TextChoices):
    """What a delivery tells its recipient of the signers, from nothing to everything."""

    COUNT = "count", _("Totals only")
    INITIALS = "initials", _("Initials and country")
    NAMED = "named", _("Names of those who agreed; others are only counted")
    FULL = "full", _("Everything, to a trusted third party")

    @property
    def rank(self) -> int:
        """Position from the narrowest (0) to the widest."""
        return list(Disclosure).index(self)


class Standing(models.TextChoices):
    """Where a campaign that anybody may read stands by the clock; as addresses of lists say it (?show=over)."""

    GOING_ON = "", _("Open")
    ANNOUNCED = "announced", _("Opening soon")
    OVER = "over", _("Closed")


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """public() → going_on() → open(): each built on the last."""

    def public(self) -> CampaignQuerySet:
        """Campaigns anybody may read."""
        return self.filter(state__in=Campaign.PUBLIC_STATES)

    def over(self, at: datetime.datetime | None = None) -> CampaignQuerySet:
        """Campaigns that anybody may read and nobody can sign any more. The same rule as Campaign.has_closed()."""
        return self.public().filter(_is_over(at))

    def ever_public(self) -> CampaignQuerySet:
        """Those, and what was taken down: there was a page, and whoever asks for it is told so."""
        return self.filter(state__in=(*Campaign.PUBLIC_STATES, Campaign.State.REMOVED))

    def about(self, words: str = "", topic: str = "", region: str = "") -> CampaignQuerySet:
        """Campaigns whose texts or addressee have all of the words, in any of their languages, and that have this
        topic and region."""
        found = self
        for word in words_of(words):
            # By key: where the words stand is asked of the index alone. Beside the addressee's name, in one condition,
            # PostgreSQL would read every campaign's vector from where it keeps what is large.
            said = Campaign.objects.alias(text=CampaignText()).filter(text=beginning_with(word)).values("pk")
            found = found.filter(Q(pk__in=said) | Q(addressee__in=Addressee.objects.named(word).values("pk")))
        for field, value in (("topic", topic), ("region", region)):
            found = found.filter(**{field: value}) if value else found
        return found

    def one_for_each(self, field: str) -> CampaignQuerySet:
        """Of those that say the same in this field, as written in the original, the first; of those that say nothing,
        none. With their texts of this field only."""
        each = self.exclude(**{field: ""}).order_by(field, "pk").distinct(field)
        return Campaign.objects.filter(pk__in=each.values("pk")).only("language", "translations", field)

    def going_on(self, at: datetime.datetime | None = None) -> CampaignQuerySet:
        """Campaigns that have begun and are not over, also those that are paused for a while."""
        return self.filter(~_is_over(at), ~_is_announced(at), state=Campaign.State.OPEN)

    def announced(self, at: datetime.datetime | None = None) -> CampaignQuerySet:
        """Campaigns that open at a time to come. The same rule as Campaign.opens_later()."""
        return self.filter(_is_announced(at))

    def standing(self, where: str, at: datetime.datetime | None = None) -> CampaignQuerySet:
        """Those that stand there."""
        known = {Standing.GOING_ON: self.going_on, Standing.ANNOUNCED: self.announced, Standing.OVER: self.over}
        return known[Standing(where)](at)

    def standings(self, at: datetime.datetime | None = None) -> dict[int, str]:
        """{key: where it stands} of those that anybody may read, in their order. The same rule as standing()."""
        begun = Case(When(_is_announced(at), then=Value(Standing.ANNOUNCED)), default=Value(Standing.GOING_ON))
        each = self.public().annotate(standing_at=Case(When(_is_over(at), then=Value(Standing.OVER)), default=begun))
        return dict(each.values_list("pk", "standing_at"))

    def open(self, at: datetime.datetime | None = None) -> CampaignQuerySet:
        """Campaigns that take signatures. The same rule as Campaign.is_open()."""
        return self.going_on(at).filter(paused_at__isnull=True)

    def with_updated_on(self) -> CampaignQuerySet:
        """Each with its `updated_on`: the day on which its texts were last changed, as the campaigner says, or on which
        news last came of it, whichever is later."""
        # By its name: updates know campaigns, so their module imports this one.
        update = apps.get_model("petitions.Update")
        of_it = update.objects.published().filter(campaign=OuterRef("pk")).order_by().values("campaign")
        told = Subquery(of_it.annotate(last=Max("published_at")).values("last"))
        return self.annotate(updated_on=Greatest("last_update_on", TruncDate(told)))  # of which PostgreSQL skips nulls


def _its_clock(at: datetime.datetime | None) -> Least:
    """See Campaign.on_its_clock()."""
    now = Value(at or timezone.now(), models.DateTimeField())
    return Least(now, "paused_at")  # of which PostgreSQL skips nulls


def _is_over(at: datetime.datetime | None) -> Q:
    return Q(state__in=Campaign.CLOSED_STATES) | Q(closes_at__isnull=False, closes_at__lte=_its_clock(at))


def _is_announced(at: datetime.datetime | None) -> Q:
    return Q(state=Campaign.State.OPEN, opens_at__isnull=False, opens_at__gt=_its_clock(at))


class Campaign(Translated):
    """A petition: what is demanded, of whom, and how its signers are protected.

    Guards: config/database/audited_rows.sql, config/database/campaign_guard.sql,
    config/database/search.sql, config/database/takedowns.sql, config/database/text_versions.sql,
    config/database/two_people.sql.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        REVIEW = "review", _("In review")
        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")
        DELIVERED = "delivered", _("Delivered")
        ARCHIVED = "archived", _("Archived")
        REMOVED = "removed", _("Taken down")

    #: Steps from one to another are in petitions/desk/lifecycle.py.
    PUBLIC_STATES = (State.OPEN, State.CLOSED, State.DELIVERED, State.ARCHIVED)
    CLOSED_STATES = (State.CLOSED, State.DELIVERED, State.ARCHIVED)

    slug = models.SlugField(_("address"), max_length=80, unique=True, help_text=_("The end of the link: /c/…/"))
    #: What keys and sealed data are bound to. Random, so that a restored or re-made database
    #: can never bind another campaign's data to these keys.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    section = models.ForeignKey(
        Section,
        models.PROTECT,
        verbose_name=_("section"),
        related_name="campaigns",
        help_text=_("The section that runs this campaign."),
    )
    title = TranslatedCharField(_("title"), max_length=200)
    lead = TranslatedTextField(_("lead"), max_length=600, help_text=_("One or two sentences on what is at stake."))
    picture = models.ForeignKey(
        Picture, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture")
    )
    background = TranslatedMarkdownField(_("background"), blank=True, help_text=_("Formatted with Markdown."))
    pledge = TranslatedTextField(_("pledge"), max_length=600, help_text=_("What a supporter states by signing."))
    topic = TranslatedCharField(_("topic"), max_length=60, blank=True)
    region = TranslatedCharField(_("region"), max_length=60, blank=True)
    addressee = models.ForeignKey(Addressee, models.PROTECT, verbose_name=_("addressee"), related_name="campaigns")
    goal = models.PositiveIntegerField(_("goal"), null=True, blank=True, validators=[MinValueValidator(1)])

    state = models.CharField(_("status"), max_length=10, choices=State, default=State.DRAFT)
    launched_on = models.DateField(_("launched on"), null=True, blank=True)
    last_update_on = models.DateField(
        _("last update"),
        null=True,
        blank=True,
        help_text=_("When these texts last changed. Updates are dated separately."),
    )
    opens_at = models.DateTimeField(_("opens"), null=True, blank=True)
    closes_at = models.DateTimeField(_("closes"), null=True, blank=True)
    #: Since when it takes no signatures for a while. Its clock stands still meanwhile; deadlines move when it goes on.
    paused_at = models.DateTimeField(_("paused"), null=True, editable=False)
    #: Paused because the whole site is: goes on with it.
    paused_with_site = models.BooleanField(default=False, db_default=False, editable=False)
    #: Whoever handed it in for review does not open it.
    review_requested_by = models.ForeignKey(User, models.SET_NULL, null=True, editable=False, related_name="+")
    state_reason = models.TextField(
        _("reason"), blank=True, default="", db_default="", max_length=600, editable=False,
        help_text=_("Why it was sent back, paused or taken down. Readers may see it."),
    )  # fmt: skip

    at_risk = models.BooleanField(
        _("signers are at risk"),
        default=False,
        help_text=_("The addressee only ever gets totals, e-mails are neutral, and no details of signers are public."),
    )
    disclosure = models.CharField(
        _("disclosure"),
        max_length=10,
        choices=Disclosure,
        default=Disclosure.COUNT,
        help_text=_(
            "The most a delivery may disclose to the addressee. Once someone has signed, it can only be reduced."
        ),
    )
    persons_per_mailbox = models.PositiveSmallIntegerField(
        _("signatures per e-mail address"), default=1, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    responsible = TranslatedCharField(_("responsible organisation"), max_length=200, default="")
    contact_email = models.EmailField(_("contact e-mail"), blank=True)
    share_text = TranslatedTextField(
        _("words to share"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("What stands beside the link when somebody passes it on. Blank: the title."),
    )
    thanks_text = TranslatedTextField(
        _("thanks after confirming"),
        max_length=600,
        blank=True,
        default="",
        db_default="",
        help_text=_("Shown to whoever has confirmed, before they are asked to share. Never where signers are at risk."),
    )
    donate_url = models.URLField(_("donation link"), blank=True, default="", db_default="")

    objects = CampaignQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-launched_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="campaign_at_risk_means_count_only",
                condition=Q(at_risk=False) | Q(disclosure=Disclosure.COUNT),
                violation_error_message=_("If signers are at risk, only totals can be disclosed."),
            ),
            models.CheckConstraint(
                name="campaign_full_is_for_third_parties",
                condition=~Q(disclosure=Disclosure.FULL),
                violation_error_message=_(
                    "Full disclosure is only possible to a trusted third party, never to an addressee."
                ),
            ),
            models.CheckConstraint(
                name="campaign_closes_after_it_opens",
                condition=Q(opens_at__isnull=True) | Q(closes_at__isnull=True) | Q(closes_at__gt=models.F("opens_at")),
                violation_error_message=_("The closing time must be after the opening time."),
            ),
            models.CheckConstraint(
                name="campaign_closed_says_when",
                condition=~Q(state__in=["closed", "delivered"]) | Q(closes_at__isnull=False),
                violation_error_message=_("Enter the closing time: the period for late confirmations starts then."),
            ),
            models.CheckConstraint(
                name="campaign_paused_while_open",
                condition=Q(paused_at__isnull=True, paused_with_site=False)
                | Q(paused_at__isnull=False, state__in=["open", "removed"]),
                violation_error_message=_("Only an open campaign can be paused."),
            ),
            models.CheckConstraint(
                name="campaign_removed_says_why", condition=~Q(state="removed") | ~Q(state_reason="")
            ),
            models.CheckConstraint(
                name="campaign_persons_per_mailbox_1_to_5", condition=Q(persons_per_mailbox__range=(1, 5))
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("campaign", args=[self.slug])

    def share_image_name(self, language: str) -> str:
        """Where a worker puts the picture with the count, in the storage "share"."""
        return f"{self.uid}-{language}.png"

    @cached_property
    def updated_on(self) -> datetime.date | None:
        """The day of its last update. Campaigns of a list have it from with_updated_on(), without a query for each."""
        return Campaign.objects.with_updated_on().only("pk").get(pk=self.pk).updated_on

    @property
    def is_public(self) -> bool:
        """Whether anybody may read it. The same rule as Campaign.objects.public()."""
        return self.state in self.PUBLIC_STATES

    def percent_of_goal(self, total: int) -> int | None:
        """How much of its goal these signatures are, 0 to 100; None without a goal."""
        return min(100, total * 100 // self.goal) if self.goal else None

    def is_open(self, at: datetime.datetime | None = None) -> bool:
        """Whether it takes signatures. The same rule as Campaign.objects.open()."""
        at = at or timezone.now()
        open_now = self.state == self.State.OPEN and not self.is_paused
        return open_now and not self.has_closed(at) and not self.opens_later(at)

    @property
    def is_paused(self) -> bool:
        """Whether it takes no signatures for a while, by somebody's decision."""
        return self.paused_at is not None

    def on_its_clock(self, at: datetime.datetime) -> datetime.datetime:
        """What time it is for this campaign's deadlines: while it is paused, the time at which it was."""
        return min(at, self.paused_at) if self.paused_at else at

    def has_closed(self, at: datetime.datetime | None = None) -> bool:
        """Whether signing is over, by somebody's decision or because the planned time has come."""
        if self.state in self.CLOSED_STATES:
            return True
        at = self.on_its_clock(at or timezone.now())
        return bool(self.state == self.State.OPEN and self.closes_at and at >= self.closes_at)

    def opens_later(self, at: datetime.datetime | None = None) -> bool:
        """Whether signing is announced for a time to come."""
        at = self.on_its_clock(at or timezone.now())
        return bool(self.state == self.State.OPEN and self.opens_at and at < self.opens_at)

    def takes_confirmations(self, at: datetime.datetime | None = None) -> bool:
        """Whether a confirmation pressed at that time counts: while open or paused, and a day longer."""
        at = self.on_its_clock(at or timezone.now())
        until = self.confirmations_until
        if until is None:
            return self.state == self.State.OPEN
        return self.is_public and at < until

    @property
    def confirmations_until(self) -> datetime.datetime | None:
        """The end of the day that confirmations count after closing; None where no closing is known."""
        return self.closes_at + CONFIRMATION_GRACE if self.closes_at else None

    @property
    def background_html(self) -> str:
        return to_html(self.background)
