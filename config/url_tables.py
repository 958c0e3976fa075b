"""How addresses are found: English lives at the bare paths, the other languages under /<language>/…"""

from functools import lru_cache
from typing import Final

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import LocalePrefixPattern, ResolverMatch

from web.i18n.languages import bare


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


def translated(patterns: list[URLPattern | URLResolver]) -> URLResolver:
    """These addresses, in every language."""
    return Translated(LanguagePrefix(prefix_default_language=False), patterns)
