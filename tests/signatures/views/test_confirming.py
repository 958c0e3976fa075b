"""What the mailbox's owner is asked when confirming, and nobody else: comment and consents (docs/decisions/0035)."""

import datetime
import re

import pytest
from django.conf import settings
from django.utils import timezone, translation

from petitions.models import Addressee, Campaign
from signatures.intake import submissions
from signatures.models import SealingKey, Signature, Submission
from signatures.register.admission import admit_all
from signatures.register.keyring import keys_of
from signatures.register.pruning import prune
from signatures.register.unsealing import Opener
from signatures.register.withdrawal import apply_withdrawals
from tests.support.fixtures import acting_as

TYPED = {"name": "Mallory Marsh", "email": "ada@example.org", "country": "PL"}
CLAIMED = {"comment": "I praise the Mayor.", "share_name": "on", "share_comment": "on", "updates": "on"}
ADDED = {"comment": "Enough.", "share_name": "on", "share_comment": "", "updates": "on"}


@pytest.fixture
def link_of(mail_of):
    return lambda campaign, hashed: mail_of(campaign, hashed)["confirm"]


def submit(client, campaign, **typed):
    """The token hash of what the sign form took."""
    before = set(Submission.objects.values_list("pk", flat=True))
    assert client.post(f"/c/{campaign.slug}/sign/", TYPED | typed).status_code == 303
    (hashed,) = set(Submission.objects.values_list("pk", flat=True)) - before
    return bytes(hashed)


def admitted(campaign):
    with acting_as(settings.WORKER_ROLE):
        admit_all(campaign)
    signature = campaign.signatures.get()
    person = keys_of(campaign).register_box.open(bytes(signature.sealed), bytes(signature.fingerprint))
    return signature, person


def agreed(person):
    return person.comment, person.share_name, person.share_comment, person.updates


def test_what_a_stranger_claims_with_her_address_is_not_kept(client, campaign, link_of):
    hashed = submit(client, campaign, **CLAIMED)
    opener = Opener(campaign)
    row = Submission.objects.get(pk=hashed)
    opener.know([row.sealing_key_id])
    assert agreed(opener.open(row.sealing_key_id, row.sealed, hashed)) == ("", "", "", "")
    assert client.post(link_of(campaign, hashed)).status_code == 303
    signature, person = admitted(campaign)
    assert agreed(person) == ("", "", "", "")
    assert signature.share_name is False


def test_what_the_form_of_an_older_site_sealed_is_not_taken_from_who_confirms(client, campaign, sign, link_of):
    hashed = sign(campaign, confirmed=False, comment="Not hers.", share_name="named-1.en", updates="updates-2.en")
    assert client.post(link_of(campaign, hashed)).status_code == 303
    signature, person = admitted(campaign)
    assert (agreed(person), signature.share_name) == (("", "", "", ""), False)


def test_what_she_adds_when_confirming_is_sealed_and_admitted(client, campaign, link_of):
    hashed = submit(client, campaign)
    with translation.override("be"):
        assert client.post(f"/be{link_of(campaign, hashed)}", ADDED).status_code == 303
    row = Submission.objects.get(pk=hashed)
    assert b"Enough" not in bytes(row.sealed_consents)
    signature, person = admitted(campaign)
    assert agreed(person) == ("Enough.", "named-2.be", "", "updates-3.be")
    assert signature.share_name is True
    row.refresh_from_db()
    assert (row.sealed_consents, row.consents_key_id) == (None, None)


def test_only_the_first_press_adds_anything(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign))
    assert client.post(link, {"comment": "First."}).status_code == 303
    assert client.post(link, CLAIMED).status_code == 303
    assert agreed(admitted(campaign)[1]) == ("First.", "", "", "")
    assert client.post(link, CLAIMED).status_code == 303
    assert Submission.objects.get().sealed_consents is None


def test_the_row_does_not_tell_whether_anything_was_added(client, campaign, link_of):
    hashes = [submit(client, campaign, email=f"{n}@example.org") for n in range(2)]
    for hashed, added in zip(hashes, (ADDED, {}), strict=True):
        client.post(link_of(campaign, hashed), added)
    boxes = {len(box) for box in Submission.objects.values_list("sealed_consents", flat=True)}
    assert len(boxes) == 1


def test_the_boxes_are_unticked_and_the_button_works_alone(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign, **CLAIMED))
    page = client.get(link).text
    assert {*re.findall(r'name="(\w+)"', page.partition("<main")[2])} == {
        "comment", "share_name", "share_comment", "updates", "name", "country", "place",
    }  # fmt: skip
    assert not re.search(r"\bchecked\b", page)
    assert "I praise" not in page
    assert "Mallory" not in page
    assert " required" not in page.partition("<main")[2]  # what is folded up must not hold back the button
    assert client.generic("POST", link, b"", content_type="").status_code == 303
    assert Submission.objects.exclude(confirmed_at=None).count() == 1


@pytest.mark.parametrize("comment", ["x" * 501, "a\x00b", "write to ada@example.org", "<b>no</b>"])
def test_a_comment_that_does_not_fit_is_refused_beside_it_and_nothing_is_lost(client, campaign, link_of, comment):
    link = link_of(campaign, submit(client, campaign))
    page = client.post(link, {"comment": comment, "share_name": "on"})
    assert (page.status_code, page["Cache-Control"]) == (422, "no-store")
    assert 'id="id_comment_error"' in page.text
    assert 'id="id_share_name" checked' in page.text
    assert Submission.objects.exclude(confirmed_at=None).count() == 0
    assert client.post(link, {"comment": "Enough.", "share_name": "on"}).status_code == 303


def test_what_is_no_form_confirms_nothing(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign))
    assert client.post(link, {"comment": "x"}, content_type="application/json").status_code == 400
    assert client.generic("POST", link, b"comment=%ff\xff").status_code == 400
    assert client.post(link, ADDED, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert Submission.objects.exclude(confirmed_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_confirming_survives_a_session_key_that_the_database_no_longer_takes(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign))
    SealingKey.objects.update(created_at="2020-01-01T00:00Z")
    assert client.post(link, ADDED).status_code == 303
    assert agreed(admitted(campaign)[1])[0] == "Enough."


def test_a_box_that_does_not_open_holds_no_consent_and_the_signature_stands(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign))
    client.post(link, ADDED)
    Submission.objects.update(sealed_consents=b"x" * 284)
    signature, person = admitted(campaign)
    assert (signature.state, agreed(person)) == (Signature.State.COUNTED, ("", "", "", ""))


def test_what_one_added_cannot_be_moved_to_anothers_submission(client, campaign, link_of):
    hers, other = (submit(client, campaign, email=f"{n}@example.org") for n in "ab")
    client.post(link_of(campaign, hers), ADDED)
    client.post(link_of(campaign, other))
    row = Submission.objects.get(pk=hers)
    Submission.objects.filter(pk=other).update(sealed_consents=row.sealed_consents, consents_key=row.consents_key_id)
    Submission.objects.filter(pk=hers).delete()
    assert agreed(admitted(campaign)[1]) == ("", "", "", "")


def test_confirming_asks_the_database_twice(client, campaign, link_of, django_assert_num_queries):
    client.post(link_of(campaign, submit(client, campaign, email="warm@example.org")))
    link = link_of(campaign, submit(client, campaign))
    submissions._session_key(campaign)
    with django_assert_num_queries(4):  # two of them are the test's: it takes the web's role and gives it back
        assert client.post(link, ADDED).status_code == 303


# --- not her details ---


def test_an_owner_replaces_the_details_that_a_stranger_entered_with_her_address(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign))
    hers = {"name": "Ada Lovelace", "country": "GB", "place": "", "share_name": "on"}
    assert client.post(link, hers).status_code == 303
    signature, person = admitted(campaign)
    assert (person.name, person.country, person.place, person.email) == ("Ada Lovelace", "GB", "", "ada@example.org")
    assert (signature.country, signature.share_name) == ("GB", True)


@pytest.mark.parametrize("name", ["", "  ", "\u3000"])
def test_without_a_name_nothing_is_replaced_whatever_else_is_sent(client, campaign, link_of, name):
    link = link_of(campaign, submit(client, campaign))
    assert client.post(link, {"name": name, "country": "XX", "place": "a\x00b"}).status_code == 303
    _, person = admitted(campaign)
    assert (person.name, person.country) == ("Mallory Marsh", "PL")


@pytest.mark.parametrize(
    "wrong", [{"country": ""}, {"country": "XX"}, {"name": "77"}, {"name": "x" * 121}, {"place": "https://x.example"}]
)
def test_details_that_do_not_fit_are_refused_and_shown_again(client, campaign, link_of, wrong):
    link = link_of(campaign, submit(client, campaign))
    page = client.post(link, {"name": "Ada Lovelace", "country": "GB", "comment": "Enough."} | wrong)
    assert page.status_code == 422
    assert "<details open>" in page.text
    assert "Enough." in page.text
    assert Submission.objects.exclude(confirmed_at=None).count() == 0


def test_her_own_name_tells_her_apart_from_who_shares_the_mailbox(client, make_campaign, link_of):
    campaign = make_campaign(persons_per_mailbox=2)
    for name in ("Ada Lovelace", "Byron Lovelace", "ada lovelace"):
        client.post(link_of(campaign, submit(client, campaign)), {"name": name, "country": "GB"})
    admit_all(campaign)
    assert sorted(Submission.objects.values_list("outcome", flat=True)) == ["counted", "counted", "duplicate"]


# --- at risk ----------------------------------------------------------------------------------------------


@pytest.fixture
def at_risk(make_campaign):
    def make(title, addressee):
        return make_campaign(
            title=title, slug=title.lower().replace(" ", "-"), at_risk=True, disclosure="count", responsible=title,
            addressee=Addressee.objects.create(name=addressee, country="BY"),
        )  # fmt: skip

    return make


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("stage", ["asked", "confirmed", "withdrawn"])
def test_at_risk_the_page_is_the_same_for_every_petition(client, at_risk, mail_of, method, stage):
    pages = []
    for title, addressee in (("Free the librarians", "The Minister"), ("Open the border for all of us", "The Guard")):
        campaign = at_risk(title, addressee)
        links = mail_of(campaign, submit(client, campaign))
        if stage != "asked":
            client.post(links["confirm"])
        if stage == "withdrawn":
            admit_all(campaign)
            client.post(links["withdraw"])
            apply_withdrawals()
        page = getattr(client, method)(links["confirm"])
        assert page.status_code == 200
        for named in (title, campaign.slug, addressee, campaign.responsible):
            assert named.casefold() not in page.text.casefold()
        assert "og:" not in page.text
        if method == "get":
            assert re.findall(r'rel="canonical" href="([^"]*)"', page.text) == [f"{settings.SITE_URL}/"]
        headers = {name: value for name, value in page.items() if name not in ("Date", "Server-Timing")}
        pages.append((page.text.replace(links["confirm"], "/link/").replace(links["confirm"][8:], ""), headers))
    assert pages[0] == pages[1]


def test_at_risk_only_news_is_asked_and_place_is_not_even_sealed(client, at_risk, link_of):
    campaign = at_risk("Free the librarians", "The Minister")
    form = client.get(f"/c/{campaign.slug}/").text
    for nobody_gets in ("place", "comment", "share_name", "share_comment"):
        assert f'name="{nobody_gets}"' not in form
    link = link_of(campaign, submit(client, campaign, place="Hrodna\x00", **CLAIMED))
    assert re.findall(r'<input[^>]* name="(\w+)"', client.get(link).text) == ["updates", "name"]
    assert client.post(link, CLAIMED | {"comment": "x" * 1000}).status_code == 303
    _, person = admitted(campaign)
    assert (person.place, *agreed(person)) == ("", "", "", "", "neutral-updates-1.en")


# --- nobody is told what became of one signature -------------------------------------------------------------


def test_counted_held_and_duplicate_are_told_the_same(client, campaign, mail_of):
    emails = {"counted": "a@example.org", "duplicate": "a@example.org", "held": "b@example.org"}
    links = {}
    for outcome, email in emails.items():
        trap = {"subject": "x"} if outcome == "held" else {}
        client.defaults["REMOTE_ADDR"] = "203.0.113.7"
        links[outcome] = mail_of(campaign, submit(client, campaign, email=email, **trap))
    for link in links.values():
        client.post(link["confirm"])
    admit_all(campaign)
    assert sorted(Submission.objects.values_list("outcome", flat=True)) == ["counted", "duplicate", "held"]
    assert len({told(client, link) for link in links.values()}) == 1
    for kind in ("counted", "held"):
        client.post(links[kind]["withdraw"])
    with acting_as(settings.WORKER_ROLE):
        apply_withdrawals()
    pages = {told(client, link) for link in links.values()}
    assert len(pages) == 1
    assert "This signature has been withdrawn" in pages.pop()


def told(client, link):
    page = client.get(link["confirm"]).text
    assert "signature number" not in page
    assert "signature counts" not in page
    return page.replace(link["confirm"], "/link/").replace(link["confirm"][8:], "")


def test_no_page_of_the_way_says_that_one_signature_counts(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign))
    pages = [client.get(f"/c/{campaign.slug}/thanks/").text, client.get(link).text]
    client.post(link)
    pages.append(client.get(link).text)
    admit_all(campaign)
    pages.append(client.get(link).text)
    for page in pages:
        assert not re.search(r"signature counts|are you counted|signature is added|signature number", page)


def test_a_campaign_whose_keys_are_gone_says_that_the_link_does_not_work(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign))
    campaign.key.delete()
    assert client.post(link, ADDED).status_code == 404
    assert Campaign.objects.filter(pk=campaign.pk).exists()


def test_a_key_that_sealed_only_what_was_added_is_kept_until_that_is_admitted(client, campaign, link_of):
    link = link_of(campaign, submit(client, campaign))
    submissions.forget_session_keys()
    client.post(link, ADDED)
    later = timezone.now() + datetime.timedelta(hours=2)
    with acting_as(settings.WORKER_ROLE):
        assert prune(later)["keys"] == 0
    assert agreed(admitted(campaign)[1])[0] == "Enough."
    with acting_as(settings.WORKER_ROLE):
        assert prune(later)["keys"] == 2
