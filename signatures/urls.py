from collections.abc import Callable

from django.http.response import HttpResponseBase
from django.urls import path

from signatures.routes import ROUTES
from signatures.views import crawlers, links, my_signatures, numbers, pages, sharing, signing, verifier

VIEWS: dict[str, Callable[..., HttpResponseBase]] = {
    "home": pages.home,
    "campaign": pages.campaign,
    "sign": signing.sign,
    "campaign_via": pages.campaign,
    "share_image": crawlers.share_image,
    "share_image_at": crawlers.share_image,
    "feed": crawlers.feed,
    "sitemap": crawlers.sitemap,
    "work": signing.work,
    "thanks": pages.thanks,
    "numbers": numbers.numbers,
    "numbers_by_name": numbers.numbers,
    "numbers_json": numbers.numbers_json,
    "numbers_csv": numbers.numbers_csv,
    "tally": numbers.tally,
    "press": pages.press,
    "embed": numbers.embed,
    "share": sharing.share,
    "qr": sharing.qr,
    "signing_key": verifier.signing_key,
    "signing_key_pem": verifier.signing_key_pem,
    "verifier": verifier.verifier,
    "confirm": links.confirm,
    "withdraw": links.withdraw,
    "unsubscribe": links.unsubscribe,
    "not_me": links.not_me,
    "news": pages.news,
    "my_signatures": my_signatures.ask,
    "my_signatures_sent": my_signatures.sent,
    "mine": my_signatures.mine,
    "mine_text": my_signatures.as_text,
    "mine_json": my_signatures.as_json,
}

#: What a view is told beside what its address says.
TOLD = {"numbers_by_name": {"order": "name"}}

# In the order of ROUTES: what is asked for most comes first.
urlpatterns = [path(route, VIEWS[name], TOLD.get(name), name=name) for name, route in ROUTES.items()]
