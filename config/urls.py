"""Every address of the site but /healthz and /readyz (config/middleware.py). English lives at these paths."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("petitions.urls")),
    path("", include("signatures.urls")),
]

# The demo shows the mail it sends; where real mail is configured, there is no such address.
if settings.DEMO_INBOX:
    from config import inbox

    urlpatterns += [
        path("inbox/", inbox.inbox, name="inbox"),
        path("inbox/<str:key>/", inbox.mail, name="mail"),
    ]
