"""Correcting a petition that people have signed: one person writes the new words, another approves them.

The database carries it out and keeps the next version (config/database/text_versions.sql). Whoever asked for news is
told of it, in a mail that has the link to withdraw.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from petitions.models import Addressee, Campaign, Correction, Demand, TextVersion, Update, is_signed
from petitions.text_changes import Change, change_of, news_of_correction
from signatures.models import Mailing
from signatures.notify_worker import notify_worker
from staff import approvals
from staff.models import Proposal
from staff.refusals import NotAllowed, refusals_in_words
from web.i18n.languages import BY_CODE, LANGUAGES, path_in
from web.i18n.translated import Translated

#: Characters of the reason, which is public.
LONGEST_REASON: Final = 600
SIGNED_TEXT_IS_FIXED: Final = gettext_lazy(
    "People have signed this text, so it can only be changed by a correction that someone else approves."
)
REFUSALS: Final = {
    "signed_text_is_fixed": gettext_lazy(
        "This also changes another petition that people have signed: it has the same addressee."
    ),
    "correction_is_of_the_latest": gettext_lazy(
        "Another correction was published in the meantime. Reject this one; someone can send it again."
    ),
    "correction_changes_something": gettext_lazy("The texts already say this."),
    "correction_of_its_own_texts": gettext_lazy("One of the texts is no longer part of this petition."),
}


class Text(NamedTuple):
    """One text that was signed, in one language: whose it is, and what it says; "" where nobody has translated it."""

    row: Translated
    field: str
    language: str
    now: str

    @property
    def key(self) -> str:
        return f"{self.row._meta.model_name}-{self.row.pk}-{self.field}-{self.language}"

    @property
    def label(self) -> str:
        name = next(field.verbose_name for field in self.row.translated_fields() if field.attname == self.field)
        if isinstance(self.row, Demand):
            return f"{name} {self.row.position}"
        return _("addressee") if isinstance(self.row, Addressee) and self.field == "name" else str(name)


def texts_of(campaign: Campaign) -> Iterator[Text]:
    """Each text of the campaign that signers sign, in the original and in each language of the site."""
    for language in LANGUAGES:
        for row, names in _rows(campaign):
            for name in names:
                original = row.original(name)
                now = original if language.code == row.language else row.translation_of(name, language.code)
                if original:
                    yield Text(row, name, language.code, now)


def _rows(campaign: Campaign) -> Iterator[tuple[Translated, tuple[str, ...]]]:
    yield campaign, ("title", "pledge")
    for demand in campaign.demands.all():
        yield demand, ("text", "explanation")
    # Another petition's signers read it too, and theirs are not corrected with these.
    others = Campaign.objects.exclude(pk=campaign.pk).filter(addressee=campaign.addressee)
    if not others.filter(is_signed()).exists():
        yield campaign.addressee, ("name", "institution")


def propose_correction(campaign: Campaign, new: dict[str, str], by: User, reason: str) -> Proposal:
    """Ask that texts say something else: {Text.key: new words}. Raises NotAllowed."""
    changes = [
        {
            "of": text.row._meta.model_name, "id": text.row.pk, "field": text.field, "language": text.language,
            "was": text.now, "text": written,
        }
        for text in texts_of(campaign)
        if (written := _plain(new.get(text.key, ""))) not in ("", _plain(text.now))
    ]  # fmt: skip
    if not changes:
        raise NotAllowed(_("Nothing was changed."))
    latest = TextVersion.objects.filter(campaign=campaign).told_apart().first()
    if latest is None or not Campaign.objects.filter(is_signed(), pk=campaign.pk).exists():
        raise NotAllowed(_("Nobody has signed it yet, so you can change the texts directly."))
    with transaction.atomic():
        made = Correction.objects.create(
            campaign=campaign, corrects=latest.number, changes=changes, reason=reason.strip()
        )
        return approvals.propose(Proposal.Kind.CORRECTION, by, campaign.section, _subject(made), reason.strip())


def _plain(text: str) -> str:
    """Without what browsers make of line ends."""
    return text.replace("\r\n", "\n").strip()


def _subject(correction: Correction) -> dict[str, Any]:
    return {"campaign": correction.campaign_id, "correction": correction.pk, "corrects": correction.corrects}


def correction_of(proposal: Proposal) -> Correction:
    return Correction.objects.select_related("campaign").get(pk=proposal.subject["correction"])


def changes_of(correction: Correction) -> Iterator[Change]:
    """What it changes, text by text, for whoever decides."""
    labels = {text.key: text.label for text in texts_of(correction.campaign)}
    for change in correction.changes:
        key = f"{change['of']}-{change['id']}-{change['field']}-{change['language']}"
        label = f"{capfirst(labels.get(key, change['field']))} · {BY_CODE[change['language']].name}"
        yield change_of(label, change["was"], change["text"], change["language"])


def _publish(proposal: Proposal) -> None:
    correction = correction_of(proposal)
    with refusals_in_words(REFUSALS), connection.cursor() as cursor:
        cursor.execute("SELECT publish_correction(%s)", [correction.pk])
        (number,) = cursor.fetchone()
    Mailing.objects.create(update=_news_of(correction, number), correction=correction)
    notify_worker("spread_news")


def _news_of(correction: Correction, number: int) -> Update:
    """The update that tells of it, in each language, published now."""
    campaign = Campaign.objects.get(pk=correction.campaign_id)
    taken = set(Update.objects.filter(campaign=campaign).values_list("slug", flat=True))
    slug = next(slug for slug in (f"version-{number}{'-text' * n}" for n in itertools.count()) if slug not in taken)
    update = Update(campaign=campaign, slug=slug, published_at=timezone.now(), language=campaign.language)
    page = reverse("versions", args=[campaign.slug])
    for language in LANGUAGES:
        with override(language.code):
            texts = news_of_correction(correction.reason, path_in(language.code, page))
        if language.code == campaign.language:
            for name, text in texts.items():
                setattr(update, name, text)
        else:
            update.translate(language.code, texts)
    update.save()
    return update


def _in_words(proposal: Proposal) -> str:
    correction = correction_of(proposal)
    return _(
        "The text of “%(campaign)s” becomes version %(number)s, as shown below. Signatures to earlier versions stay "
        "and count. Everyone who asked for news is told, and can withdraw. Approve it only if it corrects and does "
        "not change what people signed: a change of meaning is a new petition."
    ) % {"campaign": correction.campaign, "number": correction.corrects + 1}


APPROVAL: Final = approvals.Rules(
    request="correction.request", approve="correction.approve", words=_in_words, carry_out=_publish
)
