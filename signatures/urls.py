from django.urls import path

from signatures.views import crawlers, links, numbers, pages, signing, verifier

urlpatterns = [
    path("", pages.home, name="home"),
    path("c/<slug:slug>/", pages.campaign, name="campaign"),
    path("c/<slug:slug>/sign/", signing.sign, name="sign"),
    path("c/<slug:slug>/via/<slug:via>/", pages.campaign, name="campaign_via"),
    path("c/<slug:slug>/share.png", crawlers.share_image, name="share_image"),
    path("c/<slug:slug>/feed.atom", crawlers.feed, name="feed"),
    path("sitemap.xml", crawlers.sitemap, name="sitemap"),
    path("c/<slug:slug>/work/", signing.work, name="work"),
    path("c/<slug:slug>/thanks/", pages.thanks, name="thanks"),
    path("c/<slug:slug>/numbers/", numbers.numbers, name="numbers"),
    path("c/<slug:slug>/numbers/by-name/", numbers.numbers, {"order": "name"}, name="numbers_by_name"),
    path("c/<slug:slug>/numbers.json", numbers.numbers_json, name="numbers_json"),
    path("c/<slug:slug>/numbers.csv", numbers.numbers_csv, name="numbers_csv"),
    path("c/<slug:slug>/tally.json", numbers.tally, name="tally"),
    path("c/<slug:slug>/press/", pages.press, name="press"),
    path("c/<slug:slug>/embed/", numbers.embed, name="embed"),
    path("signing-key/", verifier.signing_key, name="signing_key"),
    path("signing-key.pem", verifier.signing_key_pem, name="signing_key_pem"),
    path("verify.py", verifier.verifier, name="verifier"),
    path("confirm/<str:token>/", links.confirm, name="confirm"),
    path("withdraw/<str:token>/", links.withdraw, name="withdraw"),
    path("unsubscribe/<str:token>/", links.unsubscribe, name="unsubscribe"),
    path("n/<int:key>/", pages.news, name="news"),
]
