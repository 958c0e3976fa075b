"""What staff are told where an upload is not taken, each with a way out."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

#: PictureRefused.reason → words.
REASONS: Final = {
    "svg": _("SVG files can contain scripts and are not accepted. Save it as a PNG and upload that."),
    "markup": _("This file is a web page or a script, not a picture."),
    "unknown": _("This file type is not supported. Upload a JPEG, PNG, WebP or AVIF file."),
    "heic": _(
        "HEIC photos are not supported. Export the photo as a JPEG and upload that. To have an iPhone take JPEGs: "
        "Settings, Camera, Formats, Most Compatible."
    ),
    "damaged": _("The file is damaged or incomplete. Save it again from the original."),
    "animated": _("Animated pictures are not supported. Upload a still picture."),
    "too_many_pixels": _("This picture has more than 60 million pixels. Make it smaller: 2400 pixels wide is enough."),
    "too_large": _("This picture is too large to process. Make it smaller."),
    "too_small": _("This picture is too small: its shorter side must be at least 600 pixels."),
    "logo_too_small": _("This logo is too small to print: its longer side must be at least 300 pixels."),
    "logo_too_rich": _("This logo is too detailed for a letterhead. Use a drawing rather than a photo."),
    "too_heavy": _("This file is larger than 20 MB. Save it as a JPEG."),
    "misnamed": _("The file’s extension does not match its contents. Check where it comes from."),
    "too_slow": _("This picture took too long to process. Save it again as a JPEG."),
}  # fmt: skip
