"""The links of mails when there are many, while the site is read-only, and what a shared page gives away of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from signatures.identity import new_token, token_hash
from signatures.models import NewsReader, Unsubscription, Withdrawal
from signatures.register.admission import admit_all
from signatures.register.withdrawal import apply_withdrawals
from tests.support.fixtures import acting_as
from web.maintenance import forget_maintenance
from web.models import Maintenance

MANY = 70  # more than twice what one network may sign in a minute


@pytest.fixture
def read_only(db: None) -> None:
    Maintenance.objects.create(mode=Maintenance.Mode.READ_ONLY, note="New disks.", since=timezone.now())
    forget_maintenance()


def one_click(client: Client, token: str) -> Any:
    """As a mail provider's server presses, for whichever of its customers."""
    return client.post(
        f"/unsubscribe/{token}/", {"List-Unsubscribe": "One-Click"}, headers={"origin": "https://mail.example"}
    )


def test_one_provider_unsubscribes_all_its_customers_at_once(client: Client) -> None:
    tokens = [new_token() for _ in range(MANY)]
    NewsReader.objects.bulk_create(NewsReader(token_hash=token_hash(token)) for token in tokens)
    assert {one_click(client, token).status_code for token in tokens} == {200}
    assert Unsubscription.objects.count() == MANY


def test_links_that_are_made_up_get_the_same_answer_and_leave_nothing(client: Client) -> None:
    known = new_token()
    NewsReader.objects.create(token_hash=token_hash(known))
    answers = [one_click(client, token) for token in (known, *(new_token() for _ in range(MANY)))]
    assert {answer.status_code for answer in answers} == {200}
    assert len({re.sub(r"/[\w-]{43}/", "/", answer.text) for answer in answers}) == 1
    assert [bytes(row.pk) for row in Unsubscription.objects.all()] == [token_hash(known)]


def test_withdrawing_is_not_limited_and_its_answer_tells_nothing(
    client: Client, campaign: Any, sign: Callable[..., bytes], mail_of: Callable[..., dict[str, str]]
) -> None:
    known = mail_of(campaign, sign(campaign))["withdraw"]
    admit_all(campaign)
    unknown = [f"/withdraw/{new_token()}/" for _ in range(MANY)]
    answers = [client.post(path) for path in (*unknown, known)]
    assert {answer.status_code for answer in answers} == {303}
    pages = [client.get(answer["Location"]).text for answer in answers]
    assert len({re.sub(r"/[\w-]{43}/", "/", page) for page in pages}) == 1  # the language menu has it
    assert Withdrawal.objects.count() == 1
    with acting_as(settings.WORKER_ROLE):
        assert apply_withdrawals() == 1
    assert "has been withdrawn" in client.get(known).text


def test_nobody_learns_from_a_made_up_link_that_somebody_has_just_confirmed(
    client: Client, campaign: Any, sign: Callable[..., bytes]
) -> None:
    path = f"/withdraw/{new_token()}/"

    def seen() -> list[Any]:
        answer = client.post(path)
        return [client.get(path).text, answer.status_code, client.get(answer["Location"]).text, client.get(path).text]

    before = seen()
    sign(campaign)  # confirmed, and not admitted yet
    assert seen() == before


@pytest.mark.parametrize("pressed", ["", "x", "-1", "²", "9" * 30, "1e3", "0"])
def test_a_made_up_time_does_no_harm(client: Client, pressed: str) -> None:
    assert client.get(f"/withdraw/{new_token()}/?pressed={pressed}").status_code == 200


@pytest.mark.usefixtures("read_only")
@pytest.mark.parametrize("language", ["", "/ar"])
def test_while_the_site_is_read_only_only_signing_stops(
    client: Client,
    campaign: Any,
    sign: Callable[..., bytes],
    mail_of: Callable[..., dict[str, str]],
    language: str,
) -> None:
    withdraw, token = mail_of(campaign, sign(campaign))["withdraw"], new_token()
    admit_all(campaign)
    NewsReader.objects.create(token_hash=token_hash(token))
    assert client.post(language + withdraw).status_code == 303
    assert client.post(f"{language}/unsubscribe/{token}/").status_code == 200
    assert (Withdrawal.objects.count(), Unsubscription.objects.count()) == (1, 1)
    assert client.post(f"{language}/c/{campaign.slug}/sign/").status_code == 503
    assert client.post(f"{language}/confirm/{new_token()}/").status_code == 503


@pytest.mark.parametrize("at_risk", [False, True])
def test_what_a_phone_would_share_of_these_pages_is_the_petition_and_no_token(
    client: Client,
    make_campaign: Callable[..., Any],
    sign: Callable[..., bytes],
    mail_of: Callable[..., dict[str, str]],
    at_risk: bool,
) -> None:
    campaign = make_campaign(at_risk=at_risk, disclosure="count")
    links = mail_of(campaign, sign(campaign, confirmed=False))
    token = links["confirm"].split("/")[-2]
    petition = settings.SITE_URL + ("/" if at_risk else campaign.get_absolute_url())
    home = f"{settings.SITE_URL}/"
    pages = {
        links["confirm"]: petition, f"/c/{campaign.slug}/thanks/": petition, links["withdraw"]: home,
        f"/unsubscribe/{new_token()}/": home, "/confirm/short/": home,
    }  # fmt: skip
    for again in range(2):
        for path, canonical in pages.items():
            page = client.get(path).text
            assert re.findall(r'<link rel="canonical" href="([^"]*)"', page) == [canonical]
            shared = page.partition("</header>")[2]  # above it, the same page in other languages
            assert path.split("/")[2] not in shared or "/thanks/" in path
            assert token not in shared
        assert client.post(links["confirm"]).status_code == 303, again
    assert client.get(links["confirm"], headers={"accept-language": "ru"}).headers["Cache-Control"] == "no-store"
