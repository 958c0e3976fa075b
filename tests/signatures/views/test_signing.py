"""The site as a supporter meets it, run with the web role's rights."""

import datetime
import itertools
import re
import time

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from petitions.models import Campaign
from petitions.models.version import SHOWN
from signatures.identity import new_token, token_hash
from signatures.intake import campaigns, submissions
from signatures.models import SealingKey, Submission, Withdrawal
from signatures.register.admission import admit_all
from signatures.register.unsealing import Opener
from signatures.register.withdrawal import apply_withdrawals
from signatures.sign_form import consent
from signatures.views import links
from tests.support.fixtures import acting_as
from web import counters
from web.i18n.cldr import day
from web.page_cache import clear_page_cache

TYPED = {
    "name": "Ада Пример",
    "email": "ada@example.org",
    "country": "PL",
    "place": "Kraków",
    "comment": "Enough.",
    "share_name": "on",
}


def sign_url(campaign):
    return f"/c/{campaign.slug}/sign/"


def opened(campaign, submission):
    opener = Opener(campaign)
    opener.know([submission.sealing_key_id])
    return opener.open(submission.sealing_key_id, submission.sealed, submission.token_hash)


def test_signing_stores_one_sealed_row_and_says_thanks(client, campaign):
    response = client.post(sign_url(campaign), TYPED)
    assert (response.status_code, response["Location"]) == (303, f"/c/{campaign.slug}/thanks/")
    submission = Submission.objects.get()
    for secret in ("Ада", "ada@", "Kraków", "Enough"):
        assert secret.encode() not in bytes(submission.sealed)
    person = opened(campaign, submission)
    assert (person.name, person.email, person.country, person.place) == (
        "Ада Пример", "ada@example.org", "PL", "Kraków",
    )  # fmt: skip
    assert token_hash(person.token) == submission.token_hash


def test_signing_is_one_query_once_the_process_is_warm(client, campaign, django_assert_num_queries):
    client.post(sign_url(campaign), TYPED)
    with django_assert_num_queries(3):  # the INSERT, and the SET ROLE around it
        client.post(sign_url(campaign), TYPED)


def test_labels_that_somebody_made_up_cost_no_reading_each(client, campaign, django_assert_num_queries):
    """A text that was published this moment is looked for once a second; not once for each post that claims one."""
    made_up = [f"{n:032x}"[:SHOWN] for n in range(3)]
    assert client.post(sign_url(campaign), TYPED | {"shown": made_up[0]}).status_code == 422
    for label in made_up[1:]:
        with django_assert_num_queries(2):  # the SET ROLE around nothing
            assert client.post(sign_url(campaign), TYPED | {"shown": label}).status_code == 422
    assert not Submission.objects.exists()


def test_the_answer_is_the_same_whoever_signed_before(client, campaign, sign):
    sign(campaign, email="ada@example.org")
    admit_all(campaign)
    again = client.post(sign_url(campaign), TYPED)
    new = client.post(sign_url(campaign), {**TYPED, "email": "new@example.org"})
    assert again.serialize_headers() == new.serialize_headers()
    assert again.content == new.content


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("email", "nonsense"), ("country", "XX"), ("place", "a\x00b")],
)
def test_bad_input_is_422_beside_the_field_with_what_was_typed(client, campaign, field, value):
    response = client.post(sign_url(campaign), {**TYPED, field: value})
    page = response.content.decode()
    assert response.status_code == 422
    assert response["Cache-Control"] == "no-store"
    assert f'id="id_{field}_error"' in page
    for kept in ("name", "email"):
        if kept != field:
            assert TYPED[kept] in page
    assert not Submission.objects.exists()


@pytest.mark.parametrize("body", [b"\xff\xfe\x00garbage", b"{}", b"a=1&b=2"])
def test_a_garbage_body_is_400(client, campaign, body):
    response = client.post(sign_url(campaign), body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
def test_another_sites_form_is_refused(client, campaign, headers):
    response = client.post(sign_url(campaign), TYPED, headers=headers)
    assert response.status_code == 403
    assert not Submission.objects.exists()


def test_over_the_limit_is_429_with_what_was_typed(client, campaign, settings):
    settings.SIGN_RATE = "2/h"
    statuses = [client.post(sign_url(campaign), TYPED).status_code for _ in range(3)]
    assert statuses == [303, 303, 429]
    response = client.post(sign_url(campaign), TYPED)
    assert int(response["Retry-After"]) >= 1
    assert TYPED["name"] in response.content.decode()


def test_a_network_over_its_limit_does_not_stop_another(client, campaign, settings):
    settings.SIGN_RATE = "1/h"
    settings.TRUSTED_PROXIES = 1
    first, second = (
        [client.post(sign_url(campaign), TYPED, headers={"X-Forwarded-For": chain}).status_code for chain in chains]
        for chains in (["9.9.9.9, 192.0.2.1", "8.8.8.8, 192.0.2.1"], ["9.9.9.9, 192.0.2.2"])
    )
    assert first == [303, 429]  # the forged left end changes nothing
    assert second == [303]


def test_signing_goes_on_where_redis_is_away(client, campaign, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=0"
    settings.CACHES = {name: {**cache, "LOCATION": settings.REDIS_URL} for name, cache in settings.CACHES.items()}
    counters.counting_again()
    response = client.post(sign_url(campaign), TYPED)
    assert response.status_code == 303
    assert opened(campaign, Submission.objects.get()).signals["unlimited"] is True


def test_a_closed_campaign_stores_nothing_and_says_so(client, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(state="closed", closes_at=timezone.now())
    campaigns.forget_campaigns()
    response = client.post(sign_url(campaign), TYPED)
    assert response.status_code == 409
    assert not Submission.objects.exists()
    assert client.get(sign_url(campaign)).status_code == 409


def test_a_draft_is_404(client, make_campaign):
    draft = make_campaign(state="draft")
    assert client.get(f"/c/{draft.slug}/").status_code == 404
    assert client.post(sign_url(draft), TYPED).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_session_key_that_is_gone_is_made_anew(client, campaign):
    client.post(sign_url(campaign), TYPED)
    Submission.objects.all().delete()
    SealingKey.objects.all().delete()
    assert client.post(sign_url(campaign), TYPED).status_code == 303
    opened(campaign, Submission.objects.get())


def test_a_database_that_is_away_keeps_what_was_typed(client, campaign, settings):
    client.get(sign_url(campaign))
    client.by_role = False  # not even SET ROLE can be said
    with connection.execute_wrapper(away):
        response = client.post(sign_url(campaign), TYPED)
    assert response.status_code == 503
    assert response["Retry-After"]
    assert TYPED["name"] in response.content.decode()


# --- the links ------------------------------------------------------------------------------------------


def token_of(campaign, hashed):
    return opened(campaign, Submission.objects.get(pk=hashed)).token


def test_get_confirms_nothing_and_post_does_once(client, campaign, sign):
    hashed = sign(campaign, confirmed=False)
    url = f"/confirm/{token_of(campaign, hashed)}/"
    page = client.get(url)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert Submission.objects.get(pk=hashed).confirmed_at is None
    assert client.post(url).status_code == 303
    first = Submission.objects.get(pk=hashed).confirmed_at
    assert client.post(url).status_code == 303
    assert Submission.objects.get(pk=hashed).confirmed_at == first is not None


def test_unknown_expired_and_altered_links_get_one_page(client, campaign, sign):
    token = token_of(campaign, sign(campaign, confirmed=False))
    altered = ("A" if token[0] != "A" else "B") + token[1:]
    pages = [client.get(f"/confirm/{t}/") for t in (new_token(), altered, "short", "x" * 43)]
    pages += [client.post(f"/confirm/{new_token()}/"), client.get("/withdraw/short/")]
    assert {page.status_code for page in pages} == {404}
    assert len({page.content for page in pages}) == 1


def test_confirming_more_than_a_day_after_closing_is_too_late(client, campaign, sign):
    url = f"/confirm/{token_of(campaign, sign(campaign, confirmed=False))}/"
    closed = timezone.now() - datetime.timedelta(hours=23)
    Campaign.objects.filter(pk=campaign.pk).update(state="closed", closes_at=closed)
    assert client.post(url).status_code == 303
    late = f"/confirm/{token_of(campaign, sign(campaign, confirmed=False))}/"
    Campaign.objects.filter(pk=campaign.pk).update(closes_at=timezone.now() - datetime.timedelta(hours=25))
    assert client.post(late).status_code == 404


def test_the_database_takes_a_confirmation_exactly_where_the_campaign_would(client, campaign, sign):
    now, answers = timezone.now(), set()
    for state, closes, paused in itertools.product(Campaign.State.values, (None, -25, -23, 1), (None, -48, -1)):
        if (paused and state != "open") or (state in {"closed", "delivered"} and closes is None):
            continue  # the database knows no such campaign
        closes_at, paused_at = (hours and now + datetime.timedelta(hours=hours) for hours in (closes, paused))
        campaign.state, campaign.closes_at, campaign.paused_at = state, closes_at, paused_at
        url = f"/confirm/{token_of(campaign, sign(campaign, confirmed=False))}/"
        Campaign.objects.filter(pk=campaign.pk).update(
            state=state, closes_at=closes_at, paused_at=paused_at, state_reason="Why."
        )
        campaigns.forget_campaigns()
        expected = 303 if campaign.takes_confirmations() else 404 if campaign.is_public else 410
        assert client.post(url).status_code == expected, (state, closes, paused)
        answers.add(expected)
    assert answers == {303, 404, 410}


def test_withdrawing_takes_two_steps_and_a_worker(client, campaign, sign, mail_of):
    hashed = sign(campaign, country="PL")
    url = mail_of(campaign, hashed)["withdraw"]
    admit_all(campaign)
    assert client.get(url).status_code == 200
    assert not Withdrawal.objects.exists()
    assert client.post(url).status_code == 303
    client.get(url)
    with acting_as(settings.WORKER_ROLE):
        assert apply_withdrawals() == 1
    assert client.get(url).status_code == 200
    signature = campaign.signatures.get()
    assert (signature.state, signature.number, signature.country) == ("withdrawn", 1, "PL")
    assert signature.sealed is signature.fingerprint is signature.withdrawal_hash is signature.name_key is None


def test_the_old_confirmation_links_say_that_it_was_withdrawn(client, campaign, sign, mail_of):
    again = {"email": "ada@example.org", "country": "PL"}
    hashes = [sign(campaign, **again), sign(campaign, **again), sign(campaign, email="bob@example.org")]
    links = [mail_of(campaign, hashed) for hashed in hashes]
    admit_all(campaign)
    client.post(links[0]["withdraw"])
    with acting_as(settings.WORKER_ROLE):
        apply_withdrawals()
    for number, link in enumerate(links):
        assert client.post(link["confirm"]).status_code == 303
        told = client.get(link["confirm"]).text
        assert ("This signature has been withdrawn" in told) == (number < 2)
        assert ("You have confirmed your signature" in told) == (number == 2)
    sign(campaign, **again)
    admit_all(campaign)
    assert "This signature has been withdrawn" in client.get(links[0]["confirm"]).text
    assert campaign.signatures.filter(state="counted").count() == 2


def test_only_who_sent_something_is_told_that_it_was_not_kept(client, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(state="closed", closes_at=timezone.now())
    looked, sent = client.get(sign_url(campaign)).text, client.post(sign_url(campaign), TYPED).text
    assert "This petition is closed" in looked
    assert "This petition is closed" in sent
    assert "did not keep what you typed" in sent
    assert "did not keep" not in looked


def test_withdrawing_before_confirming_says_that_nothing_is_counted(client, campaign, sign, mail_of):
    url = mail_of(campaign, sign(campaign, confirmed=False))["withdraw"]
    answer = client.post(url)
    assert answer.status_code == 303
    assert "We are withdrawing your signature" in client.get(answer["Location"]).text
    apply_withdrawals()
    assert "Withdraw your signature?" in client.get(url).text
    page = client.get(f"{url}?pressed={int(time.time()) - links.WAIT}")
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    assert "We found no signature for this link" in page.content.decode()
    assert "do not confirm" in page.content.decode()


def test_a_made_up_address_longer_than_any_of_ours_leads_nowhere_and_is_not_remembered(client, campaign):
    campaigns.forget_campaigns()
    assert client.get(f"/c/{'a' * 2000}/sign/").status_code == 404
    assert campaigns._misses == {}


def test_the_withdrawal_page_speaks_of_everybody_who_shares_the_mailbox(client, campaign):
    assert "or the signatures" in client.get(f"/withdraw/{new_token()}/").content.decode()


# --- closed, or not open yet ------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", "sign/"])
@pytest.mark.parametrize("state", ["open", "closed", "archived"])
def test_a_page_says_when_it_closed_and_is_final_only_after_the_day_of_grace(client, make_campaign, page, state):
    for hours, says, not_so in ((23, "Confirmations still count until", "final"), (25, "final", "Confirmations")):
        found = make_campaign(state=state, closes_at=timezone.now() - datetime.timedelta(hours=hours))
        text = client.get(f"/c/{found.slug}/{page}").content.decode()
        assert f"This petition closed on {day(found.closes_at)}" in text
        assert says in text
        assert not_so not in text


@pytest.mark.parametrize("page", ["", "sign/"])
def test_a_page_says_when_it_opens(client, make_campaign, page):
    opens = timezone.now() + datetime.timedelta(days=3)
    found = make_campaign(opens_at=opens)
    text = client.get(f"/c/{found.slug}/{page}").content.decode()
    assert f"opens for signing on {day(opens)}" in text
    assert "closed" not in text


def test_the_notice_promises_no_deletion_at_the_end(campaign):
    assert "campaign ends" not in consent.wording(campaign).notice


# --- reading --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", "sign/", "thanks/", "numbers/", "tally.json", "embed/", "updates/"])
def test_public_pages_are_the_same_for_everybody(client, campaign, page):
    first = client.get(f"/c/{campaign.slug}/{page}")
    second = client.get(f"/c/{campaign.slug}/{page}", headers={"Accept-Language": "be", "Cookie": "sessionid=x"})
    assert first.status_code == 200
    assert first.content == second.content
    assert not first.cookies
    assert "csrf" not in first.content.decode().lower()
    assert "Cookie" not in first["Vary"]
    assert "public" in first["Cache-Control"]
    assert "unsafe-inline" not in first["Content-Security-Policy"]


def test_a_page_on_the_shelf_costs_no_query(client, campaign, django_assert_num_queries):
    client.get(f"/c/{campaign.slug}/")
    with django_assert_num_queries(2):  # SET ROLE and RESET ROLE
        assert client.get(f"/c/{campaign.slug}/").status_code == 200


def test_etag_saves_the_body(client, campaign):
    first = client.get(f"/c/{campaign.slug}/")
    assert client.get(f"/c/{campaign.slug}/", headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_tally_json_is_exact_in_total_and_rounded_by_country(client, campaign, sign):
    for country, count in (("PL", 13), ("BY", 9), ("DE", 1)):
        for _ in range(count):
            sign(campaign, country=country)
    admit_all(campaign)
    clear_page_cache()
    figures = client.get(f"/c/{campaign.slug}/tally.json").json()
    assert figures["total"] == 23
    assert figures["countries"] == [{"code": "PL", "count": 10}]
    assert figures["other"] == 13
    assert set(figures) == {"campaign", "total", "exact", "countries", "other", "days", "as_of"}


def test_no_page_sees_a_sealed_column(client, campaign, sign):
    sign(campaign)
    statements = []

    def record(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        for page in ("", "numbers/", "tally.json"):
            client.get(f"/c/{campaign.slug}/{page}")
        client.get("/")
    assert statements
    assert not [sql for sql in statements if "sealed" in sql or "fingerprint" in sql]


def test_home_finds_open_campaigns_by_word_topic_and_region(client, make_campaign):
    make_campaign(title="Keep the library open", topic="Culture", region="Europe")
    make_campaign(title="Free the river", topic="Nature", region="Asia")
    for query, found in (
        ("?q=LIBRARY+open", {"library"}),
        ("?topic=Nature", {"river"}),
        ("?region=Europe&q=river", set()),
        ("", {"library", "river"}),
    ):
        page = client.get(f"/{query}").content.decode()
        titles = {
            word for word in ("library", "river") if f"{word}" in re.sub(r"<(title|form).*?</\1>", "", page, flags=re.S)
        }
        assert titles == found, query
    assert client.get("/?q=%00").status_code == 400, "nobody types that"


def test_open_campaigns_are_the_same_to_the_model_and_the_queryset(make_campaign):
    now = timezone.now()
    hour = datetime.timedelta(hours=1)
    for times in ({}, {"opens_at": now - hour}, {"opens_at": now + hour}, {"closes_at": now - hour},
                  {"closes_at": now + hour}, {"opens_at": now - hour, "closes_at": now}):  # fmt: skip
        make_campaign(**times)
    make_campaign(state="draft")
    make_campaign(state="closed", closes_at=now)
    rule = {c.pk for c in Campaign.objects.all() if c.is_open(now)}
    assert set(Campaign.objects.open(now).values_list("pk", flat=True)) == rule
    assert len(rule) == 3


# --- while the database is away ---------------------------------------------------------------------------


def away(*args, **kwargs):
    raise OperationalError


def a_minute_later(monkeypatch):
    then = time.monotonic() + 60
    monkeypatch.setattr(campaigns.time, "monotonic", lambda: then)


def test_made_up_addresses_do_not_make_a_campaign_forgotten(client, campaign, monkeypatch):
    monkeypatch.setattr(campaigns, "MOST_MISSES", 10)
    client.get(sign_url(campaign))
    for n in range(25):
        assert client.get(f"/c/nobody-has-this-{n}/").status_code == 404
    assert len(campaigns._misses) <= 10
    a_minute_later(monkeypatch)
    client.by_role = False
    with connection.execute_wrapper(away):
        response = client.post(sign_url(campaign), TYPED)
    assert response.status_code == 503
    assert TYPED["name"] in response.content.decode()


def test_a_remembered_campaign_is_looked_for_once_a_moment_only(campaign, monkeypatch):
    campaigns.campaign_for_signing(campaign.slug)
    a_minute_later(monkeypatch)
    asked = []

    def counting_away(*args):
        asked.append(args)
        raise OperationalError

    with connection.execute_wrapper(counting_away):
        found = [campaigns.campaign_for_signing(campaign.slug) for _ in range(5)]
    assert found == [campaign] * 5
    assert len(asked) == 1


def test_a_campaign_that_is_a_draft_again_is_no_longer_remembered(campaign, monkeypatch):
    assert campaigns.campaign_for_signing(campaign.slug) == campaign
    Campaign.objects.filter(pk=campaign.pk).update(state="draft")
    monkeypatch.setattr(campaigns, "FRESH_FOR", 0.0)
    a_minute_later(monkeypatch)
    assert campaigns.campaign_for_signing(campaign.slug) is None
    with connection.execute_wrapper(away):
        assert campaigns.campaign_for_signing(campaign.slug) is None


# --- session keys -----------------------------------------------------------------------------------------


def test_a_session_key_is_forgotten_when_it_expires_though_nobody_signs(campaign, monkeypatch):
    monkeypatch.setattr(submissions, "SESSION_KEY_LIFE", 0.05)
    key = submissions._session_key(campaign)
    key.timer.join(20)
    assert campaign.pk not in submissions._session_keys


def test_an_old_keys_end_does_not_take_the_new_key(campaign):
    old = submissions._session_key(campaign)
    submissions.forget_session_keys()
    new = submissions._session_key(campaign)
    submissions._forget(campaign.pk, old.id)
    assert submissions._session_keys[campaign.pk] is new
    assert old.timer.finished.is_set()


def test_a_session_key_that_could_not_be_stored_is_not_used_and_blocks_nobody(campaign):
    with connection.execute_wrapper(away), pytest.raises(OperationalError):
        submissions._session_key(campaign)
    assert not submissions._session_keys
    assert not submissions._making.locked()
    assert SealingKey.objects.filter(pk=submissions._session_key(campaign).id).exists()
