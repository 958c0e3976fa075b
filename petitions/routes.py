"""The public addresses of petitions: the public tier answers them (urls.py), the desk only leads there."""

from typing import Final

ROUTES: Final = {
    "updates": "c/<slug:slug>/updates/",
    "update": "c/<slug:slug>/updates/<slug:update_slug>/",
    "dossier": "d/<slug:slug>/",
    "versions": "c/<slug:slug>/versions/",
    "text": "c/<slug:slug>/versions/<int:number>/<slug:language>.json",
}
#: Of a page that each organisation must have: the site's own, or of a section that lives beside others.
STANDING: Final = r"^(?:s/(?P<section>[-a-z0-9_]+)/)?(?P<kind>about|privacy|imprint|accessibility|help|contact)/$"
#: Of a style sheet in a section's colour. Both tiers answer it, for previews.
BRAND: Final = r"^brand/(?P<mark>[0-9a-f]{12})/(?P<sheet>site|embed)\.css$"
#: Of a picture's file. Both tiers answer it: staff look at pictures before they are public.
PICTURE: Final = r"^media/(?P<name>[0-9a-f]{24}/(?:wide|square|whole)-\d{2,4}\.(?:avif|webp|jpg))$"
