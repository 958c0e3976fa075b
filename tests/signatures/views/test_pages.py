"""What the pages along a signature's way tell, and what they keep to themselves."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from petitions.models import Addressee, Campaign, Demand, Disclosure, Dossier, Update
from tests.support.fixtures import acting_as
from web.page_cache import clear_page_cache

UNREST = "Belarus: stop the violence"


@pytest.fixture
def at_risk(make_campaign: Callable[..., Campaign]) -> Campaign:
    minister = Addressee.objects.create(name="The Minister", country="BY")
    return make_campaign(title=UNREST, addressee=minister, at_risk=True, disclosure=Disclosure.COUNT)


def shown(client: Any, path: str) -> str:
    """The page's words, without its tags."""
    page = client.get(path).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<main")[2]))


def title_of(page: str) -> str:
    found = re.search(r"<title>(.*?)</title>", page)
    assert found
    return found[1]


def test_a_petition_stands_in_the_order_in_which_it_is_read(client: Any, campaign: Campaign) -> None:
    Demand.objects.create(campaign=campaign, position=1, text="Open until eight.", explanation="On two days.")
    given = {"background": "Since **April** it closes.", "donate_url": "https://example.org/give", "topic": "Libraries"}
    Campaign.objects.filter(pk=campaign.pk).update(**given)
    Update.objects.create(campaign=campaign, slug="n", title="They met", lead="L.", published_at=timezone.now())
    page = shown(client, f"/c/{campaign.slug}/")
    order = (
        *("The Mayor", "Keep the library open", "people have signed", "It closes at four.", "Topic Libraries"),
        *("1 Open until eight.", "On two days.", "Sign this petition", "I ask the Mayor to keep it open."),
        *(
            "Your name",
            "Your e-mail address",
            "Country",
            "you decide whether anything about you is handed over",
            "Responsible for your data: Friends of the Library",
        ),
        *("Donate to Friends of the Library", "Since April it closes.", "They met"),
    )
    at = 0
    for words in order:
        at = page.find(words, at)
        assert at >= 0, f"{words} does not come after what stands before it"


def test_thanks_tells_what_happens_next_and_where_to_go_on(
    client: Any, campaign: Campaign, make_campaign: Callable[..., Campaign]
) -> None:
    make_campaign(title="Of another subject")
    alike = make_campaign(title="Of the same dossier")
    Dossier.objects.create(slug="d", title="Libraries", lead="All of them.").campaigns.set([campaign, alike])
    path = f"/c/{campaign.slug}/thanks/"
    page = shown(client, path)
    for words in (f"within {settings.PENDING_DAYS} days", "What happens next", "No e-mail?", "Of the same dossier"):
        assert words in page
    assert "Of another subject" not in page
    links = client.get(path).content.decode()
    assert f'href="/c/{campaign.slug}/sign/">Sign again' in links
    assert "via=" not in links  # first the mail: passing it on is asked of whoever has confirmed


def test_at_risk_no_title_on_a_signers_way_names_the_petition(
    client: Any, at_risk: Campaign, sign: Callable[..., bytes]
) -> None:
    with acting_as(settings.PUBLIC_ROLE):
        refused = client.post(f"/c/{at_risk.slug}/sign/", {"name": ""})
    answers = [refused, *(client.get(f"/c/{at_risk.slug}/{page}/") for page in ("sign", "thanks"))]
    answers += [client.get(f"/{kind}/{'A' * 43}/") for kind in ("confirm", "withdraw", "unsubscribe")]
    for answer in answers:
        assert "Belarus" not in title_of(answer.content.decode())
        assert "violence" not in title_of(answer.content.decode())
    assert "Please confirm your request" in answers[2].content.decode()


def test_who_is_at_risk_is_warned_of_mailboxes_that_the_addressees_state_can_read(
    client: Any, at_risk: Campaign, campaign: Campaign
) -> None:
    page = client.get(f"/c/{at_risk.slug}/").content.decode()
    warning = re.search(r'<p class="warning" id="(.+?)">(.+?)</p>', page)
    assert warning
    assert "mail.by" in warning[2]
    assert f'aria-describedby="{warning[1]} ' in page  # of the box for the address
    assert "can be read by authorities" not in client.get(f"/c/{campaign.slug}/").content.decode()


def test_news_are_breaking_for_two_days(client: Any, campaign: Campaign) -> None:
    came = timezone.now()
    news = {"campaign": campaign, "lead": "L.", "published_at": came}
    Update.objects.create(slug="a", title="It burns", breaking=True, **news)
    Update.objects.create(slug="b", title="It rains", **news)
    page = shown(client, f"/c/{campaign.slug}/updates/")
    assert page.count("Breaking") == 1
    assert re.search(r"Breaking [^.]*It burns", page)
    clear_page_cache()
    with time_machine.travel(came + datetime.timedelta(hours=49)):
        assert "Breaking" not in shown(client, f"/c/{campaign.slug}/updates/")
