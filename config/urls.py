"""Every address of the site but /healthz and /readyz (config/middleware.py).

English lives at these paths, the other languages under /<language>/…; the admin is in English.
"""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from signatures.views.machines import robots

handler404 = "petitions.gone.not_found"

# What is asked for most comes first: a table that is searched in vain costs a campaign's page a twentieth.
_translated: list[URLPattern | URLResolver] = [
    path("", include("signatures.urls")),
    path("", include("petitions.urls")),
]

# The demo shows the mail it sends; where real mail is configured, there is no such address.
if settings.DEMO_INBOX:
    from config import inbox

    _translated += [
        path("inbox/", inbox.inbox, name="inbox"),
        path("inbox/<str:key>/", inbox.mail, name="mail"),
    ]

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", include("config.door.urls")),
    path("admin/", admin.site.urls),
    *i18n_patterns(*_translated, prefix_default_language=False),
    path("robots.txt", robots, name="robots"),
]
