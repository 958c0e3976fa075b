"""Updates by mail: to whom, how often, what a kill repeats, how to be rid of them. Through a real SMTP server."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from petitions.models import Campaign, Disclosure, Update
from signatures.models import Mailing, NewsMail, Signature, Unsubscription, Withdrawal
from signatures.register import admission, news, withdrawal
from staff.models import Role
from tests.support.fixtures import acting_as
from web.i18n.languages import LANGUAGES

YES = {"updates": "updates-1"}


@pytest.fixture
def admitted(sign: Callable[..., bytes]) -> Callable[..., None]:
    """Signs and admits: one signature for each set of what was typed."""

    def take(campaign: Campaign, *people: dict[str, Any]) -> None:
        for person in people:
            sign(campaign, **person)
        with acting_as(django_settings.WORKER_ROLE):
            admission.admit_all(campaign)

    return take


def publish(campaign: Campaign, **given: Any) -> Update:
    values = {"slug": "good-news", "title": "The council gave in", "lead": "From May on.", **given}
    return Update.objects.create(campaign=campaign, **{"published_at": timezone.now(), **values})


def spread() -> int:
    """List, let the time come (a test is one transaction, and begins before what it inserts is due), send."""
    with acting_as(django_settings.WORKER_ROLE):
        while news.list_batch():
            pass
    let_it_be_due()
    with acting_as(django_settings.WORKER_ROLE):
        return news.spread_news()


def let_it_be_due() -> None:
    NewsMail.objects.exclude(due=None).update(due=timezone.now() - datetime.timedelta(minutes=1))


def ask(update: Update) -> Mailing:
    """Prepared, tried and sent off (tests/signatures/desk/test_mailings.py has how)."""
    return Mailing.objects.create(update=update, begun_at=timezone.now())


def leave_link(mail: Any) -> str:
    return re.search(r"http://testserver((?:/\w\w)?/unsubscribe/[\w-]+/)", mail["List-Unsubscribe"])[1]  # type: ignore[index]


def test_only_who_asked_is_told_and_each_once(campaign: Campaign, admitted: Any, smtp: Any) -> None:
    admitted(campaign, *({"email": f"yes-{n}@example.org", **YES} for n in range(5)), {"email": "no@example.org"})
    mailing = ask(publish(campaign))
    assert spread() == 5
    assert spread() == 0
    assert smtp.addresses() == [f"yes-{n}@example.org" for n in range(5)]
    mailing.refresh_from_db()
    assert (mailing.sent, mailing.listed_to) == (5, None)
    assert mailing.done_at
    assert not NewsMail.objects.exists()


def test_several_persons_of_one_mailbox_get_one_mail_across_batches(
    make_campaign: Any,
    admitted: Any,
    smtp: Any,
) -> None:
    campaign = make_campaign(persons_per_mailbox=3)
    people = [{"email": f"{n}@example.org", "name": f"Person {letter}", **YES} for n in range(4) for letter in "ABC"]
    admitted(campaign, *people)
    ask(publish(campaign))
    with acting_as(django_settings.WORKER_ROLE):
        while news.list_batch(limit=4):
            pass
    assert spread() == 4
    assert set(Counter(smtp.addresses()).values()) == {1}


def test_a_kill_while_listing_or_sending_repeats_and_loses_nothing(
    campaign: Campaign,
    admitted: Any,
    smtp: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admitted(campaign, *({"email": f"{n}@example.org", **YES} for n in range(6)))
    ask(publish(campaign))
    with acting_as(django_settings.WORKER_ROLE):
        news.list_batch(limit=3)
    sent, real = [], news._send_one

    def killed_after_two(*args: Any) -> int:
        if len(sent) == 2:
            raise KeyboardInterrupt
        sent.append(real(*args))
        return sent[-1]

    monkeypatch.setattr(news, "_send_one", killed_after_two)
    with pytest.raises(KeyboardInterrupt):
        spread()
    monkeypatch.undo()
    let_it_be_due()  # as if the lease had ended
    spread()
    assert smtp.addresses() == sorted(f"{n}@example.org" for n in range(6))
    assert Mailing.objects.get().sent == 6


def test_one_post_ends_it_and_a_look_does_not(
    client: Any,
    campaign: Campaign,
    admitted: Any,
    smtp: Any,
) -> None:
    admitted(campaign, {"email": "ada@example.org", **YES})
    ask(publish(campaign))
    spread()
    ((_, mail),) = smtp.mails
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = leave_link(mail)
    assert link in mail.get_content()
    assert client.get(link).status_code == 200
    assert not Unsubscription.objects.exists()
    # As a mail provider sends it: from elsewhere, with nothing of ours.
    answer = client.post(link, {"List-Unsubscribe": "One-Click"}, headers={"origin": "https://mail.example.com"})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    client.post(link)
    ask(publish(campaign, slug="more"))
    assert spread() == 0
    assert Signature.objects.get().state == Signature.State.COUNTED


@pytest.mark.parametrize("at_risk", [False, True])
@pytest.mark.parametrize("code", [language.code for language in LANGUAGES])
def test_every_mail_has_a_link_that_withdraws_as_the_form_promises(
    client: Any, make_campaign: Any, admitted: Any, smtp: Any, mail_of: Any, sign: Any, code: str, at_risk: bool
) -> None:
    campaign = make_campaign(at_risk=at_risk, disclosure=Disclosure.COUNT)
    first = mail_of(campaign, sign(campaign, email="ada@example.org", language=code, confirmed=False))["withdraw"]
    admitted(campaign, {"email": "ada@example.org", "language": code, **YES}, {"email": "bob@example.org"})
    ask(publish(campaign))
    spread()
    ((_, mail),) = smtp.mails
    link = re.search(r"http://testserver((?:/\w\w)?/withdraw/[\w-]+/)", mail.get_content())[1]  # type: ignore[index]
    assert link == first
    assert client.get(link).status_code == 200
    assert client.post(link).status_code == 303
    with acting_as(django_settings.WORKER_ROLE):
        withdrawal.apply_withdrawals()
    assert sorted(Signature.objects.values_list("state", flat=True)) == ["counted", "withdrawn"]


def test_each_is_told_in_their_language_and_what_is_not_in_it(campaign: Campaign, admitted: Any, smtp: Any) -> None:
    admitted(campaign, *({"email": f"{code}@example.org", "language": code, **YES} for code in ("be", "pl", "en")))
    update = publish(campaign)
    update.translate("be", {"title": "Рада саступіла", "lead": "З мая."})
    update.save()
    ask(update)
    assert spread() == 3
    told = {str(mail["To"]).partition("@")[0]: mail for _, mail in smtp.mails}
    assert "Рада саступіла" in told["be"]["Subject"]
    assert "The council gave in" in told["pl"]["Subject"]
    words = {code: mail.get_content() for code, mail in told.items()}
    for code, (part, untranslated) in {
        "be": ("З мая.", False),
        "pl": ("Reszta jest w języku oryginału: English", True),
        "en": ("From May on.", False),
    }.items():
        assert part in words[code]
        assert ("English" in words[code]) == untranslated
        assert (f"/{code}/c/{campaign.slug}/" in words[code]) == (code != "en")
        assert leave_link(told[code]).startswith("/unsubscribe/" if code == "en" else f"/{code}/unsubscribe/")


def test_who_withdraws_meanwhile_is_sent_nothing(campaign: Campaign, admitted: Any, smtp: Any) -> None:
    admitted(campaign, {"email": "ada@example.org", **YES})
    ask(publish(campaign))
    with acting_as(django_settings.WORKER_ROLE):
        news.list_batch()
    Withdrawal.objects.create(token_hash=Signature.objects.get().withdrawal_hash)
    with acting_as(django_settings.WORKER_ROLE):
        withdrawal.apply_withdrawals()
    assert not NewsMail.objects.exists()
    assert spread() == 0


@pytest.mark.parametrize("what", ["update", "campaign"])
def test_of_what_is_taken_down_meanwhile_nobody_is_told(
    campaign: Campaign, admitted: Any, smtp: Any, what: str
) -> None:
    admitted(campaign, {"email": "ada@example.org", **YES})
    update = publish(campaign)
    ask(update)
    with acting_as(django_settings.WORKER_ROLE):
        news.list_batch()
    if what == "update":
        Update.objects.filter(pk=update.pk).update(taken_down=True)
    else:
        Campaign.objects.filter(pk=campaign.pk).update(state="removed", state_reason="A court ordered it.")
    assert spread() == 0
    assert smtp.mails == []
    assert not NewsMail.objects.exists()
    assert Mailing.objects.get().done_at


def test_who_signs_again_and_asks_again_is_told_again(
    client: Any, campaign: Campaign, admitted: Any, smtp: Any
) -> None:
    admitted(campaign, {"email": "ada@example.org", **YES})
    ask(publish(campaign))
    spread()
    client.post(leave_link(smtp.mails[0][1]))
    Withdrawal.objects.create(token_hash=Signature.objects.get().withdrawal_hash)
    with acting_as(django_settings.WORKER_ROLE):
        withdrawal.apply_withdrawals()
    admitted(campaign, {"email": "ada@example.org", **YES})
    ask(publish(campaign, slug="more"))
    assert spread() == 1


def test_at_risk_the_mail_names_neither_petition_nor_news(
    client: Any,
    make_campaign: Any,
    admitted: Any,
    smtp: Any,
) -> None:
    campaign = make_campaign(at_risk=True, disclosure=Disclosure.COUNT, slug="telling-slug")
    admitted(campaign, {"email": "ada@example.org", **YES})
    update = publish(campaign)
    ask(update)
    spread()
    ((_, mail),) = smtp.mails
    assert mail["From"] == django_settings.NEUTRAL_FROM_EMAIL
    whole = mail.as_string()
    for word in (
        campaign.title,
        campaign.slug,
        campaign.responsible,
        campaign.addressee.name,
        update.title,
        update.slug,
    ):
        assert word not in whole
    short = re.search(r"http://testserver(/n/\d+/)", mail.get_content())[1]  # type: ignore[index]
    assert client.get(short)["Location"] == update.get_absolute_url()


def test_an_address_refused_for_good_is_dropped_and_one_put_off_waits(
    campaign: Campaign, admitted: Any, smtp: Any
) -> None:
    admitted(campaign, *({"email": f"{name}@example.org", **YES} for name in ("gone", "later", "fine")))
    smtp.at_rcpt = {"gone@example.org": ["550 no such user"], "later@example.org": ["450 come back"]}
    ask(publish(campaign))
    assert spread() == 1
    assert dict(NewsMail.objects.values_list("due", "problem"))[None] == "550"
    assert NewsMail.objects.exclude(due=None).count() == 1
    assert spread() == 1
    assert smtp.addresses() == ["fine@example.org", "later@example.org"]


def test_a_campaigner_writes_an_update(
    staff: Callable[..., User], staff_client: Callable[[User], Any], campaign: Campaign
) -> None:
    written = {
        "campaign": campaign.pk,
        "kind": "update",
        "language": "en",
        "title": "News",
        "slug": "news",
        "lead": "…",
    }
    answer = staff_client(staff(Role.CAMPAIGNER)).post(reverse("admin:petitions_update_add"), written)
    assert answer.status_code == 302
    assert Update.objects.get().slug == "news"


def test_what_is_published_ends_the_reminder_of_its_writer(
    staff: Callable[..., User], staff_client: Callable[[User], Any], campaign: Campaign
) -> None:
    browser, nag, now = staff_client(staff(Role.CAMPAIGNER)), "No update for a month", timezone.now()
    Campaign.objects.filter(pk=campaign.pk).update(launched_on=now - datetime.timedelta(days=90))
    for days, reminded in ((-60, True), (3, True), (-3, False)):
        publish(campaign, slug=f"of-{days}", published_at=now + datetime.timedelta(days=days))
        assert (nag in browser.get("/admin/").text) is reminded, days
