"""Public figures as they were said, and texts that refer to them."""

from __future__ import annotations

import re
from typing import Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models.campaign import Campaign
from web.i18n import cldr

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


class ClaimSnapshot(models.Model):
    """Public figures as they were said at one moment, for texts that refer to them instead of typing them.

    Made by public_figures/saved_figures.py, never changed: what a text once said stays what it said.
    `[[name.total]]` in an update inserts the total, `[[name.countries]]` how many countries are shown,
    `[[name.PL]]` one country's figure, `[[name.day]]` the day.

    Guards: config/database/audited_rows.sql.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="claims")
    name = models.SlugField(
        _("name"), max_length=40, help_text=_("The name that texts use for them, as in [[name.total]].")
    )
    taken_at = models.DateTimeField(_("saved on"), default=timezone.now, editable=False)
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
        verbose_name = _("saved figures")
        verbose_name_plural = _("saved figures")
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
