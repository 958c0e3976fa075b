"""The page that says which numbers are to be struck in earlier lists, to print and put with them."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence

from django.utils import translation
from django.utils.translation import gettext as _

from signatures.delivery import typesetting
from signatures.delivery.packet import Manifest
from signatures.models import Delivery
from web.i18n.cldr import day, number


def amendments_pdf(delivery: Delivery, manifest: Manifest, strikes: Sequence[tuple[int, str]], language: str) -> bytes:
    """The page. `strikes` is (number, reference of the packet whose list has it), as in amendments.csv."""
    with translation.override(language):
        data = {
            "sender": typesetting.legible(str(delivery.campaign.responsible)),
            "title": typesetting.legible(str(delivery.campaign.title)),
            "to": _("To: %s") % typesetting.legible(str(delivery.addressee)),
            "heading": _("Numbers to strike"),
            "note": _("The signatures with these numbers were withdrawn or removed. Please strike them in the lists "
                      "that you have."),
            "reference": manifest.reference,
            "packets": _packets(manifest, strikes),
        }  # fmt: skip
        return typesetting.typeset("amendments.typ", data, language)


def _packets(manifest: Manifest, strikes: Sequence[tuple[int, str]]) -> list[dict[str, object]]:
    """Packet by packet, as its lists lie in the office."""
    known = {old.reference: old for old in [*manifest.earlier, *manifest.other_series]}
    by_packet = itertools.groupby(sorted(strikes, key=lambda strike: strike[1]), key=lambda strike: strike[1])
    return [
        {
            "heading": _("In packet %(reference)s of %(day)s, numbers %(first)s to %(last)s:")
            % {
                "reference": reference,
                "day": day(datetime.date.fromisoformat(known[reference].built_at)),
                "first": number(known[reference].first),
                "last": number(known[reference].last),
            },
            "numbers": [str(struck) for struck, _reference in group],
        }
        for reference, group in by_packet
    ]
