"""What the desk answers: staff's login and admin. The public addresses are known here by name, and lead to the site:
links and previews are right, and no view that takes a signature is loaded.
"""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.http import require_safe

from config.url_tables import translated
from petitions.routes import ROUTES as OF_PETITIONS
from petitions.routes import STANDING
from petitions.urls import brand, media
from signatures.routes import ROUTES as OF_SIGNATURES

handler404 = "web.gone.not_found"
handler500 = "web.middleware.server_error"


@require_safe
def to_the_site(request: HttpRequest, **parts: str) -> HttpResponse:
    """The same address at the public site."""
    return HttpResponseRedirect(f"{settings.SITE_URL}{request.path}")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Nothing here is for crawlers."""
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")


_public: list[URLPattern | URLResolver] = [
    media,
    brand,
    re_path(STANDING, to_the_site, name="standing"),
    *(path(route, to_the_site, name=name) for name, route in {**OF_SIGNATURES, **OF_PETITIONS}.items()),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", include("staff.login.urls")),
    path("admin/", admin.site.urls),
    path("robots.txt", robots, name="robots"),
    translated(_public),
]
