"""The moderators' dashboard: what comes in just now, by the minute, and what of it is held."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.models import MailAnswer, Monitor, SigningRules
from staff.access import may
from staff.guarded_admin import GuardedAdmin

KINDS: Final = (("networks", "network", _("Networks")), ("domains", "domain", _("Mail domains")))


#: Of what mail providers said.
LOOKED_BACK: Final = datetime.timedelta(hours=24)
_WIDTH: Final = 720
_HEIGHT: Final = 200
_GAP: Final = 0.15


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute. Lengths in units of the view box; the origin is its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    #: Minutes ago: 0 is the one under way.
    ago: int
    count: int


@dataclass(frozen=True, slots=True)
class Chart:
    bars: list[Bar]
    width: int = _WIDTH
    height: int = _HEIGHT

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def peak(self) -> int:
        return max(bar.count for bar in self.bars)


def minute_bars(counts: Sequence[int], highest: int = 0) -> Chart:
    """A bar a minute, oldest first; `highest`: the count that fills the height, where another chart has more."""
    highest = max(highest, *counts, 1)
    step = _WIDTH / len(counts)
    bars = []
    for at, count in enumerate(counts):
        height = round(count / highest * _HEIGHT, 2)
        x, width = round(at * step + step * _GAP / 2, 2), round(step * (1 - _GAP), 2)
        bars.append(Bar(x, round(_HEIGHT - height, 2), width, height, len(counts) - 1 - at, count))
    return Chart(bars)


@admin.register(Monitor)
class WatchAdmin(GuardedAdmin):
    """One page; it shows labels (a network's holds an hour, a domain's always), no network or domain by its name."""

    rights = {"view": "ruling.view"}
    section_lookup = "campaign__section"

    def section_of(self, obj: Monitor) -> Campaign:
        return obj.campaign

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        watches = self.get_queryset(request).select_related("campaign__section", "campaign__signing_rules")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Live activity"),
            "providers": [
                (standing, [standing.answers.get(answer, 0) for answer in MailAnswer.Answer])
                for standing in MailAnswer.objects.standings(LOOKED_BACK)
            ],
            "answers": MailAnswer.Answer.labels,
            "watches": [_as_shown(request, watch) for watch in watches.order_by("campaign__title")],
        }
        return TemplateResponse(request, "signatures/admin/monitoring.html", context)


def _as_shown(request: HttpRequest, watch: Monitor) -> dict[str, Any]:
    figures = watch.figures
    screened, held = figures["screened"], figures["held"]
    rules = getattr(watch.campaign, "signing_rules", None) or SigningRules(campaign=watch.campaign)
    return {
        "campaign": watch.campaign,
        "at": watch.at,
        "alarmed_at": watch.alarmed_at,
        "attack": figures.get("attack", []),
        "late": timezone.now() - watch.at > datetime.timedelta(minutes=2),
        "work": rules.asks_work(),
        "work_setting": rules.get_proof_of_work_display(),
        "taken": minute_bars(figures["taken"]),
        "confirmed": minute_bars(figures["confirmed"], max(figures["taken"])),
        # The last full minute, and the one under way.
        "now": figures["taken"][-2:],
        "held": held,
        "screened": screened,
        "share": f"{held / screened:.1%}" if screened else "–",
        "usual": figures["usual"],
        "mails_waiting": figures["mails_waiting"],
        "not_me": figures.get("not_me", 0),
        "tops": [
            (words, [(row, _ruling_url(watch.campaign, key, row["label"])) for row in figures[name]])
            for name, key, words in KINDS
        ],
        "may_rule": may(request.user, "ruling.make", watch.campaign),
    }


def _ruling_url(campaign: Campaign, key: str, label: str) -> str:
    """The form of a ruling about this label, filled in; nothing is done before somebody sends it."""
    query = urlencode({"campaign": campaign.pk, key: label, "verb": "hold"})
    return f"{reverse('admin:signatures_ruling_add')}?{query}"
