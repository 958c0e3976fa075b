"""Whatever is posted to the sign form, the site has an answer for it. For `make faults`: 100,000 examples."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petitions.models import Campaign
from signatures.intake import abuse_gate
from signatures.models import Submission
from signatures.views import links, signing

pytestmark = pytest.mark.slow

EXAMPLES = 100_000

FIELDS = (
    "name",
    "email",
    "country",
    "place",
    "comment",
    "share_name",
    "share_comment",
    "updates",
    "via",
    "took",
    "work",
    abuse_gate.TRAP,
)
text = st.text(st.characters(codec=None), max_size=60)
value = text | st.sampled_from(["", "on", "BY", "a@example.org", "x" * 600, "\u202e", "<b>", "=1+1", "1" * 400, "\0"])
GOOD = {"name": "Anna", "email": "anna@example.org", "country": "BY"}
anything = st.dictionaries(st.sampled_from(FIELDS) | text, value, max_size=12)
forms = anything | st.dictionaries(st.sampled_from(FIELDS), value, max_size=2).map(lambda typed: GOOD | typed)
headers = st.fixed_dictionaries(
    {},
    optional={
        "X-Forwarded-For": st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60),
        "Sec-Fetch-Site": st.sampled_from(["same-origin", "cross-site", "none", ""]),
        "Origin": st.sampled_from(["null", "http://testserver", "https://evil.example"]),
        "Accept-Language": text.filter(str.isascii).filter(str.isprintable),
    },
)


def posted(typed: dict[str, str], sent: dict[str, str]) -> WSGIRequest:
    safe = {key.encode("utf-8", "surrogatepass"): v.encode("utf-8", "surrogatepass") for key, v in typed.items()}
    body = urlencode(safe).encode()
    request = RequestFactory().post("/", body, content_type="application/x-www-form-urlencoded", headers=sent)
    request.LANGUAGE_CODE = "en"  # as LanguageMiddleware says it
    return request


@pytest.mark.django_db
def test_no_form_breaks_a_confirmation(
    campaign: Campaign, sign: Callable[..., bytes], mail_of: Callable[..., dict[str, str]]
) -> None:
    token = mail_of(campaign, sign(campaign, confirmed=False))["confirm"].split("/")[-2]
    seen: dict[int, int] = {}

    @settings(max_examples=EXAMPLES // 2, database=None, suppress_health_check=list(HealthCheck))
    @given(forms, headers)
    def tried(typed: dict[str, str], sent: dict[str, str]) -> None:
        Submission.objects.update(confirmed_at=None, sealed_consents=None, consents_key=None)
        status = links.confirm(posted(typed, sent), token).status_code
        seen[status] = seen.get(status, 0) + 1
        assert status < 500

    tried()
    assert {303, 403, 422} <= seen.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("proxies", [0, 1])
def test_no_form_breaks_the_site(campaign: Campaign, proxies: int, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("settings").TRUSTED_PROXIES = proxies
    seen: dict[int, int] = {}

    @settings(max_examples=EXAMPLES // 2, database=None, suppress_health_check=list(HealthCheck))
    @given(forms, headers)
    def tried(typed: dict[str, str], sent: dict[str, str]) -> None:
        status = signing.sign(posted(typed, sent), campaign.slug).status_code
        seen[status] = seen.get(status, 0) + 1
        assert status < 500

    tried()
    assert sum(seen.values()) >= EXAMPLES // 2
    assert {303, 403, 422} <= seen.keys()
