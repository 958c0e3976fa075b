"""What is asked, and of whom. Nothing here knows who signed: see signatures/models/.

Sections, and who works in them, are in petitions/sections.py.
"""

from __future__ import annotations

import datetime
import re
import uuid
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce, Least
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from config import cldr
from config.languages import DEFAULT, known
from petitions import pictures
from petitions.access import sections_of
from petitions.searching import CampaignText, beginning_with, words_of
from petitions.sections import Section
from petitions.text import to_html
from petitions.translated import Translated, TranslatedCharField, TranslatedTextField

#: A confirmation pressed this long after a campaign closed still counts: the mail may have been slow.
CONFIRMATION_GRACE = datetime.timedelta(hours=24)

#: News are breaking no longer than this.
BREAKING_FOR = datetime.timedelta(days=2)


class Disclosure(models.TextChoices):
    """What a delivery tells its recipient of the signers, from nothing to everything."""

    COUNT = "count", _("Totals only")
    INITIALS = "initials", _("Initials and country")
    NAMED = "named", _("Names of those who agreed; the others counted")
    FULL = "full", _("Everything, to a trusted third party")

    @property
    def rank(self) -> int:
        """Position from the narrowest (0) to the widest."""
        return list(Disclosure).index(self)


class Addressee(Translated):
    """The authority a campaign addresses, or a third party that verifies for it."""

    name = TranslatedCharField(_("name or title"), max_length=200, help_text=_("“The Minister of Internal Affairs”"))
    institution = TranslatedCharField(_("institution"), max_length=200, blank=True)
    country = CountryField(_("country"), blank=True)
    address = models.TextField(_("postal address"), blank=True)
    #: One of config/languages.py; "": as the campaign.
    letters_in = models.CharField(
        _("language of letters"),
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text=_("Letters to them are in this language as well as in the campaign’s. “ru”, “be” …"),
    )
    trusted_third_party = models.BooleanField(
        _("trusted third party"), default=False, help_text=_("Verifies signatures; is not the authority addressed.")
    )

    class Meta:
        verbose_name = _("addressee")
        verbose_name_plural = _("addressees")
        ordering = ["name"]

    def __str__(self) -> str:
        if not self.institution:
            return self.name
        return gettext("%(name)s, %(institution)s") % {"name": self.name, "institution": self.institution}


class Picture(Translated):
    """A picture with what belongs beside it. Its files are in the storage, under `key` (petitions/pictures.py)."""

    section = models.ForeignKey(Section, models.PROTECT, verbose_name=_("section"), related_name="pictures")
    alt = TranslatedCharField(
        _("alternative text"),
        max_length=300,
        help_text=_("What can be seen, in a sentence, for those who do not see it."),
    )
    caption = TranslatedCharField(_("caption"), max_length=300)
    credit = TranslatedCharField(
        _("credit"), max_length=200, help_text=_("Who made it, and by whose leave it is shown.")
    )
    made_on = models.DateField(_("date"), help_text=_("When it was taken or made."))
    focus_x = models.PositiveSmallIntegerField(
        _("focus, from the left"),
        default=50,
        validators=[MaxValueValidator(100)],
        help_text=_("Where the eye should land, in percent: every cut keeps it."),
    )
    focus_y = models.PositiveSmallIntegerField(
        _("focus, from the top"), default=50, validators=[MaxValueValidator(100)]
    )
    key = models.CharField(max_length=24, editable=False)
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)
    widths = models.JSONField(editable=False)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ["-made_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="picture_says_what_it_is", condition=~Q(alt="") & ~Q(caption="") & ~Q(credit="")
            ),
            models.CheckConstraint(
                name="picture_focus_is_inside", condition=Q(focus_x__range=(0, 100), focus_y__range=(0, 100))
            ),
        ]

    def __str__(self) -> str:
        return self.caption

    @property
    def focus(self) -> tuple[int, int]:
        return self.focus_x, self.focus_y

    @property
    def master_width(self) -> int:
        """Pixels across of the file that the press downloads."""
        return int(self.widths["whole"][0])

    @property
    def master_url(self) -> str:
        return pictures.storage().url(f"{self.key}/whole-{self.master_width}.jpg")

    def develop(self, content: bytes, filename: str) -> None:
        """Make the files of this upload and point here to them. Does not save. Raises pictures.PictureRefused."""
        made = pictures.develop(content, filename, self.focus)
        self.key, self.width, self.height, self.widths = made.key, made.width, made.height, made.widths

    def refocus(self) -> None:
        """Cut the same picture anew around the focus it has now. Does not save."""
        self.develop(pictures.master_of(self.key, self.master_width), "master.jpg")

    @classmethod
    def forget_unused(cls, key: str) -> None:
        """Once the transaction is committed, delete these files unless another picture shows the same."""

        def forget() -> None:
            if not cls.objects.filter(key=key).exists():
                pictures.forget(key)

        transaction.on_commit(forget)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """What was taken down is gone: its files as well."""
        deleted = super().delete(*args, **kwargs)
        self.forget_unused(self.key)
        return deleted


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """public() → open(): each built on the last."""

    def public(self) -> CampaignQuerySet:
        """Campaigns anybody may read."""
        return self.filter(state__in=Campaign.PUBLIC_STATES)

    def within(self, user: User | AnonymousUser, action: str) -> CampaignQuerySet:
        """Campaigns of the sections in which this person may do this (petitions/access.py)."""
        return self.filter(section__in=sections_of(user, action))

    def over(self, at: datetime.datetime | None = None) -> CampaignQuerySet:
        """Campaigns that anybody may read and nobody can sign any more. The same rule as Campaign.has_closed()."""
        at = at or timezone.now()
        return self.public().filter(
            Q(state__in=Campaign.CLOSED_STATES)
            | Q(closes_at__lte=Least(Value(at, models.DateTimeField()), Coalesce("paused_at", Value(at))))
        )

    def ever_public(self) -> CampaignQuerySet:
        """Those, and what was taken down: there was a page, and whoever asks for it is told so."""
        return self.filter(state__in=(*Campaign.PUBLIC_STATES, Campaign.State.REMOVED))

    def about(self, words: str = "", topic: str = "", region: str = "") -> CampaignQuerySet:
        """Campaigns whose texts or addressee have all of the words, in any of their languages, and that have this
        topic and region."""
        found = self.alias(text=CampaignText())
        translated = f"addressee__translations__{known(get_language() or DEFAULT)}__name__icontains"
        for word in words_of(words):
            named = Q(addressee__name__icontains=word) | Q(**{translated: word})
            found = found.filter(Q(text=beginning_with(word)) | named)
        for field, value in (("topic", topic), ("region", region)):
            found = found.filter(**{field: value}) if value else found
        return found

    def open(self, at: datetime.datetime | None = None) -> CampaignQuerySet:
        """Campaigns that take signatures. The same rule as Campaign.is_open()."""
        at = at or timezone.now()
        return self.public().filter(
            Q(opens_at__isnull=True) | Q(opens_at__lte=at),
            Q(closes_at__isnull=True) | Q(closes_at__gt=at),
            state=Campaign.State.OPEN,
            paused_at__isnull=True,
        )


class Campaign(Translated):
    """A petition: what is demanded, of whom, and how its signers are protected."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        REVIEW = "review", _("In review")
        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")
        DELIVERED = "delivered", _("Delivered")
        ARCHIVED = "archived", _("Archived")
        REMOVED = "removed", _("Taken down")

    #: Steps from one to another are in petitions/life.py.
    PUBLIC_STATES = (State.OPEN, State.CLOSED, State.DELIVERED, State.ARCHIVED)
    CLOSED_STATES = (State.CLOSED, State.DELIVERED, State.ARCHIVED)

    slug = models.SlugField(_("address"), max_length=80, unique=True, help_text=_("The last part of /c/…/"))
    #: What keys and sealed data are bound to. Random, so that a restored or re-made database
    #: can never bind another campaign's data to these keys.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    section = models.ForeignKey(
        Section, models.PROTECT, verbose_name=_("section"), related_name="campaigns", help_text=_("Who looks after it.")
    )
    title = TranslatedCharField(_("title"), max_length=200)
    lead = TranslatedTextField(_("lead"), max_length=600, help_text=_("Two sentences that say what is at stake."))
    picture = models.ForeignKey(
        Picture, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture")
    )
    background = TranslatedTextField(_("background"), blank=True, help_text=_("Markdown."))
    pledge = TranslatedTextField(_("pledge"), max_length=600, help_text=_("What a supporter says by signing."))
    topic = TranslatedCharField(_("topic"), max_length=60, blank=True)
    region = TranslatedCharField(_("region"), max_length=60, blank=True)
    addressee = models.ForeignKey(Addressee, models.PROTECT, verbose_name=_("addressee"), related_name="campaigns")
    goal = models.PositiveIntegerField(_("goal"), null=True, blank=True, validators=[MinValueValidator(1)])

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    launched_on = models.DateField(_("launched on"), null=True, blank=True)
    last_update_on = models.DateField(_("last update"), null=True, blank=True)
    opens_at = models.DateTimeField(_("opens"), null=True, blank=True)
    closes_at = models.DateTimeField(_("closes"), null=True, blank=True)
    #: Since when it takes no signatures for a while. Its clock stands still meanwhile; deadlines move when it goes on.
    paused_at = models.DateTimeField(_("paused"), null=True, editable=False)
    #: Paused because the whole site is: goes on with it.
    paused_with_site = models.BooleanField(default=False, db_default=False, editable=False)
    life_note = models.TextField(
        _("reason"), blank=True, default="", db_default="", max_length=600, editable=False,
        help_text=_("Why it was sent back, paused or taken down."),
    )  # fmt: skip

    at_risk = models.BooleanField(
        _("signers are at risk"),
        default=False,
        help_text=_("Totals are all the addressee ever gets; mails are neutral; nothing of a signer is public."),
    )
    disclosure = models.CharField(
        _("disclosure"),
        max_length=10,
        choices=Disclosure,
        default=Disclosure.COUNT,
        help_text=_("The most a delivery may tell the addressee. Can only be narrowed once somebody has signed."),
    )
    persons_per_mailbox = models.PositiveSmallIntegerField(
        _("persons per mailbox"), default=1, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    responsible = TranslatedCharField(_("responsible organisation"), max_length=200, default="")
    contact_email = models.EmailField(_("contact"), blank=True)
    donate_url = models.URLField(_("link for donations"), blank=True, default="", db_default="")

    objects = CampaignQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-launched_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="campaign_at_risk_means_count_only",
                condition=Q(at_risk=False) | Q(disclosure=Disclosure.COUNT),
                violation_error_message=_("A campaign at risk hands over totals only."),
            ),
            models.CheckConstraint(
                name="campaign_full_is_for_third_parties",
                condition=~Q(disclosure=Disclosure.FULL),
                violation_error_message=_("An addressee never gets everything; a trusted third party may."),
            ),
            models.CheckConstraint(
                name="campaign_closes_after_it_opens",
                condition=Q(opens_at__isnull=True) | Q(closes_at__isnull=True) | Q(closes_at__gt=models.F("opens_at")),
                violation_error_message=_("It has to close after it opens."),
            ),
            models.CheckConstraint(
                name="campaign_closed_says_when",
                condition=~Q(state__in=["closed", "delivered"]) | Q(closes_at__isnull=False),
                violation_error_message=_("Say when it closed: late confirmations are counted from then."),
            ),
            models.CheckConstraint(
                name="campaign_paused_while_open",
                condition=Q(paused_at__isnull=True, paused_with_site=False) | Q(paused_at__isnull=False, state="open"),
                violation_error_message=_("Only what is open can be paused."),
            ),
            models.CheckConstraint(name="campaign_removed_says_why", condition=~Q(state="removed") | ~Q(life_note="")),
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

    @property
    def is_public(self) -> bool:
        """Whether anybody may read it. The same rule as Campaign.objects.public()."""
        return self.state in self.PUBLIC_STATES

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


class Standstill(models.Model):
    """The whole site at rest: one row, or none in ordinary times. See petitions/life.py and standstill.py."""

    class Mode(models.TextChoices):
        PAUSED = "paused", _("Paused: no signatures are taken")
        READ_ONLY = "read_only", _("Maintenance: everything can be read, nothing is taken")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode)
    note = models.TextField(_("banner"), max_length=400)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("standstill")
        verbose_name_plural = _("standstill")
        constraints = [models.CheckConstraint(name="standstill_is_one", condition=Q(id=1))]

    def __str__(self) -> str:
        return self.get_mode_display()


class Demand(Translated):
    """One thing the campaign asks for. Demands are numbered from 1."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="demands")
    position = models.PositiveSmallIntegerField(_("number"), validators=[MinValueValidator(1)])
    text = TranslatedCharField(_("demand"), max_length=300)
    explanation = TranslatedTextField(_("explanation"), blank=True, max_length=1000)

    class Meta:
        verbose_name = _("demand")
        verbose_name_plural = _("demands")
        ordering = ["campaign", "position"]
        constraints = [models.UniqueConstraint(fields=["campaign", "position"], name="demand_position_once")]

    def __str__(self) -> str:
        return f"{self.position}. {self.text}"

    @property
    def standing(self) -> DemandStep | None:
        """Its latest step; None: nothing has come of it. Reads what was prefetched."""
        return next(iter(self.steps.all()), None)


class DemandStep(Translated):
    """What became of a demand on a day, and by what it can be seen. The latest one is where the demand stands."""

    class State(models.TextChoices):
        UNMET = "unmet", _("Unmet")
        PROMISED = "promised", _("Promised")
        PARTLY = "partly", _("Partly met")
        MET = "met", _("Met")

    demand = models.ForeignKey(Demand, models.CASCADE, related_name="steps", verbose_name=_("demand"))
    state = models.CharField(_("state"), max_length=8, choices=State)
    on = models.DateField(_("on"))
    evidence = TranslatedTextField(_("evidence"), max_length=1000, help_text=_("What was said or done, and by whom."))
    url = models.URLField(_("link"), blank=True)

    class Meta:
        verbose_name = _("step of a demand")
        verbose_name_plural = _("steps of demands")
        ordering = ["-on", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_state_display()}, {self.on}"


#: A figure by reference: [[name.what]].
_CLAIM: Final = re.compile(r"\[\[([a-z0-9_-]{1,40})\.([A-Za-z]{2,9})\]\]")


def with_claims(source: str, campaign_id: int) -> str:
    """The text with its references replaced by the figures of the campaign's snapshots; unknown ones stay."""
    if "[[" not in source:
        return source
    claims = {claim.name: claim for claim in ClaimSnapshot.objects.filter(campaign=campaign_id)}

    def figure(match: re.Match[str]) -> str:
        claim = claims.get(match[1])
        return (claim.said(match[2]) if claim else None) or match[0]

    return _CLAIM.sub(figure, source)


def unknown_claims(source: str, campaign_id: int) -> list[str]:
    """References that no snapshot of the campaign answers, as they are written."""
    return re.findall(r"\[\[[^\]]*\]\]", with_claims(source or "", campaign_id))


class UpdateQuerySet(models.QuerySet["Update"]):
    def published(self, at: datetime.datetime | None = None) -> UpdateQuerySet:
        """Updates of public campaigns whose time has come."""
        return self.filter(published_at__lte=at or timezone.now(), campaign__state__in=Campaign.PUBLIC_STATES)


class Update(Translated):
    """News of a campaign, or a press release about it."""

    class Kind(models.TextChoices):
        UPDATE = "update", _("Update")
        PRESS = "press", _("Press release")

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="updates")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.UPDATE)
    breaking = models.BooleanField(
        _("breaking"), default=False, db_default=False, help_text=_("Shown with a label, for two days.")
    )
    slug = models.SlugField(_("address"), max_length=80)
    title = TranslatedCharField(_("title"), max_length=200)
    lead = TranslatedTextField(_("lead"), max_length=600)
    picture = models.ForeignKey(
        Picture, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture")
    )
    body = TranslatedTextField(_("text"), blank=True, help_text=_("Markdown."))
    quote = TranslatedTextField(_("quote"), blank=True, max_length=1000)
    quote_by = TranslatedCharField(_("who said it"), blank=True, max_length=200)
    media_contact = TranslatedTextField(_("media contact"), blank=True, max_length=500)
    published_at = models.DateTimeField(_("published"), null=True, blank=True)

    objects = UpdateQuerySet.as_manager()

    class Meta:
        verbose_name = _("update")
        verbose_name_plural = _("updates")
        ordering = ["-published_at"]
        constraints = [models.UniqueConstraint(fields=["campaign", "slug"], name="update_slug_once_per_campaign")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("update", args=[self.campaign.slug, self.slug])

    def is_breaking(self, at: datetime.datetime | None = None) -> bool:
        """Whether it is news of the hour: marked so, and out for less than two days."""
        at = at or timezone.now()
        return self.breaking and self.published_at is not None and at - self.published_at < BREAKING_FOR

    @property
    def body_html(self) -> str:
        return to_html(with_claims(self.body, self.campaign_id))

    def clean(self) -> None:
        super().clean()
        if wrong := unknown_claims(self.body, self.campaign_id):
            raise ValidationError({"body": _("No stored figure is called %s.") % ", ".join(wrong)})


class Dossier(Translated):
    """A subject that groups campaigns, their updates and what others wrote."""

    slug = models.SlugField(_("address"), max_length=80, unique=True)
    title = TranslatedCharField(_("title"), max_length=200)
    lead = TranslatedTextField(_("lead"), max_length=600)
    campaigns = models.ManyToManyField(Campaign, related_name="dossiers", blank=True)

    class Meta:
        verbose_name = _("dossier")
        verbose_name_plural = _("dossiers")
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("dossier", args=[self.slug])


class Coverage(Translated):
    """What somebody else published on the dossier's subject."""

    dossier = models.ForeignKey(Dossier, models.CASCADE, related_name="coverage")
    title = TranslatedCharField(_("title"), max_length=200)
    summary = TranslatedTextField(_("summary"), max_length=1000)
    source = TranslatedCharField(_("source"), max_length=200)
    credit = TranslatedCharField(_("credit"), max_length=200, blank=True)
    url = models.URLField(_("link"), blank=True)
    published_on = models.DateField(_("date"))

    class Meta:
        verbose_name = _("coverage")
        verbose_name_plural = _("coverage")
        ordering = ["-published_on"]

    def __str__(self) -> str:
        return f"{self.source}: {self.title}"


class ClaimSnapshot(models.Model):
    """Public figures as they were said at one moment, for texts that refer to them instead of typing them.

    Made by signatures/claims.py, never changed: what a text once said stays what it said. `[[name.total]]` in an update
    inserts the total, `[[name.countries]]` how many countries are shown, `[[name.PL]]` one country's figure,
    `[[name.day]]` the day.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="claims")
    name = models.SlugField(_("name"), max_length=40, help_text=_("What texts call it: [[name.total]]."))
    taken_at = models.DateTimeField(_("taken"), default=timezone.now, editable=False)
    #: Exact.
    total = models.BigIntegerField(_("signatures"), editable=False)
    #: {country: signatures} as shown, and what was merged.
    countries = models.JSONField(editable=False)
    other = models.BigIntegerField(editable=False)
    #: The edition that the finer figures are from; null where there was none yet.
    edition = models.PositiveIntegerField(null=True, editable=False)
    #: The register at that moment: the last number given. What is withdrawn of those numbers later is told apart.
    last_number = models.BigIntegerField(editable=False)
    #: The rule of rounding, in words, and the software that followed it.
    rule = models.CharField(max_length=300, editable=False)
    software = models.CharField(max_length=60, editable=False)

    class Meta:
        verbose_name = _("claim snapshot")
        verbose_name_plural = _("claim snapshots")
        ordering = ["-taken_at"]
        constraints = [models.UniqueConstraint(fields=["campaign", "name"], name="claim_name_once_per_campaign")]

    def __str__(self) -> str:
        return self.name

    def said(self, what: str) -> str | None:
        """The figure of that name, in the reader's language; None where there is no such figure."""
        if what == "day":
            return cldr.day(self.taken_at)
        figures = {"total": self.total, "other": self.other, "countries": len(self.countries), **self.countries}
        return cldr.number(figures[what]) if what in figures else None
