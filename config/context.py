"""What every template knows."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, str]:
    """The site's own address. From the settings, never from the request: shelved pages are for everybody."""
    return {"site_url": settings.SITE_URL}
