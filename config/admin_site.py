"""The admin's site: its door is limited by network, and its pages have the browser's rules that unfold needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from unfold.sites import UnfoldAdminSite

# Alpine.js, which unfold is built on, compiles the attributes of its own templates: 'unsafe-eval'.
# It hides and sizes by style attributes, and the theme's colours are a <style>: inline styles.
# No inline script is needed, so text that somebody put into a page still runs nothing.
ADMIN_CSP: Final = {
    **settings.SECURE_CSP,
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
}

#: Seconds to wait where tries cannot be counted: Redis is restarted in less.
RETRY_UNCOUNTED: Final = 30

type View = Callable[..., HttpResponseBase]

_with_admin_csp = csp_override(ADMIN_CSP)


class AdminConfig(DjangoAdminConfig):
    """Django's admin with our site; `unfold.apps.BasicAppConfig` leaves the choice to us."""

    default_site = "config.admin_site.UndersignedAdminSite"


class UndersignedAdminSite(UnfoldAdminSite):
    """Every page carries ADMIN_CSP, and only these pages: the public ones stay as strict as they are."""

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        return _with_admin_csp(super().admin_view(view, cacheable))

    def has_permission(self, request: HttpRequest) -> bool:
        """Whoever holds a role somewhere. `is_staff` and `is_superuser` open nothing."""
        from petitions.access import works_here

        return works_here(request.user)

    @method_decorator([never_cache, _with_admin_csp])
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A network that guesses waits. No account is ever locked, or anybody could lock a colleague out."""
        # The limits read Redis through Django's cache, which is not there yet while apps are loaded.
        from signatures.collect.limits import Verdict, check_limit

        if request.method == "POST":
            limit = check_limit(request, "login", settings.LOGIN_RATE)
            if limit.verdict is Verdict.OVER:
                words = _("Too many tries from your network. Please wait a minute, then try again.")
                return self._refuse(request, 429, words, limit.retry_after)
            if limit.verdict is Verdict.UNKNOWN:
                # Signing goes on without limits; this door does not, or whoever takes Redis down may guess on.
                words = _("Nobody can log in just now: tries cannot be counted. Please try again shortly.")
                return self._refuse(request, 503, words, RETRY_UNCOUNTED)
        return super().login(request, extra_context)

    def _refuse(self, request: HttpRequest, status: int, words: str, retry_after: int) -> HttpResponse:
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "app_path": request.get_full_path(),
            "form": self.login_form(request),
            "too_many_tries": words,
        }
        headers = {"Retry-After": str(retry_after)}
        return TemplateResponse(request, "admin/login.html", context, status=status, headers=headers)
