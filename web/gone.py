"""What was there and was taken down: 410, so that search engines and archives forget it sooner than at a 404."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from web.clean_address import clean_redirect
from web.identities import Elsewhere
from web.page_cache import CACHE_CONTROL


class Gone(Http404):
    """There was a page here, and somebody decided that there is none any more."""


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The site's handler404: another address, where that was meant."""
    if meant := clean_redirect(request):
        return meant
    if isinstance(exception, Elsewhere):
        return HttpResponseRedirect(f"{exception.origin}{request.get_full_path()}")
    if isinstance(exception, Gone):
        response = render(request, "410.html", status=410)
        # As a page: a browser asks each time (without this it may keep a 410 for as long as it likes, and show it once
        # the page is back), and a proxy keeps it for two seconds, also while we are away.
        response["Cache-Control"] = CACHE_CONTROL
        return response
    return render(request, "404.html", status=404)
