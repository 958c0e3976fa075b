"""What the public tier answers, but for /healthz and /readyz (web/middleware.py). Nothing of staff is here."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, path

from config.url_tables import translated
from petitions.urls import urlpatterns as of_petitions
from signatures.urls import urlpatterns as of_signatures
from signatures.views.crawlers import robots

handler404 = "web.gone.not_found"
handler500 = "web.middleware.server_error"

# What is asked for most comes first, and in one table: each that is searched in vain, and each that lies in another,
# costs a campaign's page a twentieth.
_pages: list[URLPattern | URLResolver] = [*of_signatures, *of_petitions]

# The demo shows the mail it sends; where real mail is configured, there is no such address.
if settings.DEMO_INBOX:
    from config.local import inbox

    _pages += [
        path("inbox/", inbox.inbox, name="inbox"),
        path("inbox/<str:key>/", inbox.mail, name="mail"),
    ]

urlpatterns: list[URLPattern | URLResolver] = [translated(_pages), path("robots.txt", robots, name="robots")]
