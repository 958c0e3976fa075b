"""Every address of the site but /healthz and /readyz (web/middleware.py).

English lives at these paths, the other languages under /<language>/…; the admin is in English.
"""

from functools import lru_cache
from typing import Final

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.urls.resolvers import LocalePrefixPattern, ResolverMatch

from petitions.urls import urlpatterns as of_petitions
from signatures.urls import urlpatterns as of_signatures
from signatures.views.crawlers import robots
from web.i18n.languages import bare

handler404 = "web.gone.not_found"

# What is asked for most comes first, and in one table: each that is searched in vain, and each that lies in another,
# costs a campaign's page a twentieth.
_translated: list[URLPattern | URLResolver] = [*of_signatures, *of_petitions]

# The demo shows the mail it sends; where real mail is configured, there is no such address.
if settings.DEMO_INBOX:
    from config.local import inbox

    _translated += [
        path("inbox/", inbox.inbox, name="inbox"),
        path("inbox/<str:key>/", inbox.mail, name="mail"),
    ]


class LanguagePrefix(LocalePrefixPattern):
    """As i18n_patterns() has it, but read from the address, as LanguageMiddleware does; the thread is not asked."""

    def match(self, path: str) -> tuple[str, tuple[()], dict[str, str]]:
        return bare(path), (), {}

    def __str__(self) -> str:
        return ""


class Translated(URLResolver):
    """What i18n_patterns() makes, remembering where a campaign's addresses lead: looking costs a signature 0.08 ms.

    Others are looked for each time: some have a token in them, which nothing is to keep. So are those longer than any
    of ours: strangers make them up, and they would fill the memory.
    """

    LONGEST: Final = 200

    def resolve(self, path: str) -> ResolverMatch:
        is_ours = len(path) <= self.LONGEST and bare(path).startswith("c/")
        return self._remembered(path) if is_ours else super().resolve(path)

    @lru_cache(maxsize=1000)  # noqa: B019 there is one, as long as the process lives
    def _remembered(self, path: str) -> ResolverMatch:
        return super().resolve(path)


urlpatterns: list[URLPattern | URLResolver] = [
    Translated(LanguagePrefix(prefix_default_language=False), _translated),
    path("admin/", include("staff.login.urls")),
    path("admin/", admin.site.urls),
    path("robots.txt", robots, name="robots"),
]
