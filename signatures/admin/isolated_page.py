"""Pages on which an identity is in the browser's memory, or a person on its screen: nothing runs but our own files."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from django.conf import settings
from django.http import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override

# unfold's pages compile text to code ('unsafe-eval', staff/admin_site.py): not beside an identity. And where a
# script of ours had a hole, text could still not become HTML or code: the browser refuses (Trusted Types).
QUIET_CSP: Final[dict[str, Collection[str] | str]] = {
    **settings.SECURE_CSP,
    "require-trusted-types-for": ["'script'"],
    "trusted-types": ["'none'"],
}

type View = Callable[..., HttpResponseBase]


def isolated(view: View) -> View:
    """Around the admin's own wrapper: the outermost rules are the ones that are sent."""
    return csp_override(QUIET_CSP)(never_cache(view))
