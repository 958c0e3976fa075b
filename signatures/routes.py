"""The public addresses of signatures: the public tier answers them (urls.py), the desk only leads there."""

from typing import Final

ROUTES: Final = {
    "home": "",
    "campaign": "c/<slug:slug>/",
    "sign": "c/<slug:slug>/sign/",
    "campaign_via": "c/<slug:slug>/via/<slug:via>/",
    "share_image": "c/<slug:slug>/share.png",
    "feed": "c/<slug:slug>/feed.atom",
    "sitemap": "sitemap.xml",
    "work": "c/<slug:slug>/work/",
    "thanks": "c/<slug:slug>/thanks/",
    "numbers": "c/<slug:slug>/numbers/",
    "numbers_by_name": "c/<slug:slug>/numbers/by-name/",
    "numbers_json": "c/<slug:slug>/numbers.json",
    "numbers_csv": "c/<slug:slug>/numbers.csv",
    "tally": "c/<slug:slug>/tally.json",
    "press": "c/<slug:slug>/press/",
    "embed": "c/<slug:slug>/embed/",
    "signing_key": "signing-key/",
    "signing_key_pem": "signing-key.pem",
    "verifier": "verify.py",
    "confirm": "confirm/<str:token>/",
    "withdraw": "withdraw/<str:token>/",
    "unsubscribe": "unsubscribe/<str:token>/",
    "news": "n/<int:key>/",
    "my_signatures": "my-signatures/",
    "my_signatures_sent": "my-signatures/sent/",
    "mine": "mine/<str:token>/",
    "mine_text": "mine/<str:token>/signatures.txt",
    "mine_json": "mine/<str:token>/signatures.json",
}
