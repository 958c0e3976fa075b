"""{% picture %}: in every format and width there is, and sized, so that nothing moves when it comes."""

from __future__ import annotations

from typing import Any, Final

from django import template

from petitions import pictures
from petitions.models import Picture

register = template.Library()

_TYPES: Final = {"avif": "image/avif", "webp": "image/webp"}
#: Width to height, as petitions/image_sandbox.py cuts them.
_RATIOS: Final = {"wide": 3 / 2, "square": 1.0}


@register.inclusion_tag("petitions/_picture.html", name="picture")
def show(picture: Picture, shape: str = "wide", sizes: str = "100vw", eager: bool = False) -> dict[str, Any]:
    """The picture in that shape. `sizes` as in HTML; `eager` for what is seen first and must not wait."""
    widths, jpegs = picture.widths[shape], picture.widths[f"{shape}.jpg"]
    width = jpegs[-1]
    return {
        "picture": picture,
        "sources": [(kind, _srcset(picture, shape, widths, extension)) for extension, kind in _TYPES.items()],
        "srcset": _srcset(picture, shape, jpegs, "jpg"),
        "src": _url(picture, shape, width, "jpg"),
        "sizes": sizes,
        "width": width,
        "height": round(width / _RATIOS[shape]),
        "eager": eager,
    }


def _srcset(picture: Picture, shape: str, widths: list[int], extension: str) -> str:
    return ", ".join(f"{_url(picture, shape, width, extension)} {width}w" for width in widths)


def _url(picture: Picture, shape: str, width: int, extension: str) -> str:
    return pictures.storage().url(f"{picture.key}/{shape}-{width}.{extension}")
