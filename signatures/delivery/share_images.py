"""Share images: one PNG a campaign and language with the count, drawn anew when the count has changed."""

from __future__ import annotations

import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.utils.translation import get_language_bidi, ngettext, override
from django.utils.translation import gettext as _

from petitions.models import Campaign
from signatures.delivery.typesetting import legible, picture
from signatures.public_figures.figures import Figures, public_figures_of
from web.i18n.languages import LANGUAGES
from web.identities import identity_of
from web.models.identity import COLOUR

#: Titles of up to so many characters are set this large, in points.
SIZES: Final = ((45, 42), (80, 34), (130, 27), (200, 22))
#: Naskh stands higher and lower than other letters of its size.
RIGHT_TO_LEFT_SIZE: Final = 0.8


def draw_share_images() -> int:
    """Draw what has changed; returns how many pictures were drawn."""
    campaigns = list(Campaign.objects.public().select_related("addressee"))
    figures = public_figures_of(campaigns)
    drawn = 0
    for campaign in campaigns:
        for language in LANGUAGES:
            drawn += _draw(campaign, figures[campaign.pk], language.code)
    return drawn


def _draw(campaign: Campaign, figures: Figures, language: str) -> bool:
    with override(language):
        data = _words(campaign, figures)
        name, mark = campaign.share_image_name(language), hashlib.sha256(msgspec.json.encode(data)).hexdigest()
        shelf = storages["share"]
        if _read(shelf, f"{name}.drawn") == mark:
            return False
        shelf.save(name, ContentFile(picture("share.typ", data, language)))
        shelf.save(f"{name}.drawn", ContentFile(mark.encode()))
    return True


def _words(campaign: Campaign, figures: Figures) -> dict[str, Any]:
    title, identity = legible(str(campaign.title)), identity_of(campaign.section_id)
    size = next((size for length, size in SIZES if len(title) <= length), SIZES[-1][1])
    return {
        "title": title,
        "size": size * RIGHT_TO_LEFT_SIZE if get_language_bidi() else size,
        "to": legible(f"{_('To:')} {campaign.addressee.name}"),
        "total": figures.said,
        "signed": ngettext("person has signed", "people have signed", figures.total),
        "colour": identity.colour or COLOUR,
        "site": urlsplit(identity.origin).netloc,
        "rtl": get_language_bidi(),
    }


def _read(shelf: Storage, name: str) -> str:
    if not shelf.exists(name):
        return ""
    with shelf.open(name) as file:
        return bytes(file.read()).decode()
