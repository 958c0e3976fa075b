"""How supporters came: a word in our own address, sealed with the signature, counted as a sum from a closed list."""

import json
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.utils import timezone

from petitions.models import Update
from signatures.models import Submission, TallySum
from signatures.models.published.channels import CHANNELS, known_channel
from signatures.register import admission
from tests.support.fixtures import acting_as

FORM = {"name": "Ada Example", "email": "ada@example.org", "country": "GB"}


def counted_by_channel(campaign):
    Submission.objects.update(confirmed_at=timezone.now())
    with acting_as(settings.WORKER_ROLE):
        admission.admit_all(campaign)
    return TallySum.objects.by(campaign, "channel")["channel"]


@pytest.mark.parametrize(
    ("via", "channel"), [("mail", "mail"), ("", "direct"), ("made-up", "other"), ("x" * 500, "other")]
)
def test_a_signature_is_counted_by_the_channel_its_form_named(client, campaign, via, channel):
    assert client.post(f"/c/{campaign.slug}/sign/", {**FORM, "via": via}).status_code == 303
    assert counted_by_channel(campaign) == {channel: 1}


def test_the_channel_is_in_no_column_of_a_submission_in_clear(client, campaign):
    client.post(f"/c/{campaign.slug}/sign/", {**FORM, "via": "telegram"})
    row = Submission.objects.get()
    assert "telegram" not in str([getattr(row, field.attname) for field in Submission._meta.fields])


def test_without_a_script_the_address_itself_names_the_channel(client, campaign):
    page = client.get(f"/c/{campaign.slug}/via/embed/").content.decode()
    assert '<input type="hidden" name="via" value="embed">' in page
    assert client.get(f"/c/{campaign.slug}/via/made-up/").status_code == 404


def test_the_shared_page_does_not_know_how_its_reader_came(client, campaign):
    one, other = (client.get(f"/c/{campaign.slug}/?via={via}") for via in ("mail", "press"))
    assert one["ETag"] == other["ETag"]


def test_what_was_sent_wrongly_keeps_its_channel(client, campaign):
    response = client.post(f"/c/{campaign.slug}/sign/", {**FORM, "email": "nonsense", "via": "press"})
    assert response.status_code == 422
    assert 'name="via" value="press"' in response.content.decode()


def test_nothing_that_anybody_made_up_stands_in_our_page(client, campaign):
    response = client.post(f"/c/{campaign.slug}/sign/", {**FORM, "email": "nonsense", "via": '"><b>'})
    assert 'name="via" value="other"' in response.content.decode()


def test_a_channel_is_a_word_of_an_address():
    assert all(known_channel(channel) == channel and len(channel) <= 16 for channel in CHANNELS)


def test_languages_that_the_site_does_not_have_are_one_row(campaign, sign):
    for language in ("be", "xx-made-up", "yy"):
        sign(campaign, language=language)
    with acting_as(settings.WORKER_ROLE):
        admission.admit_all(campaign)
    assert TallySum.objects.by(campaign, "language")["language"] == {"other": 2, "be": 1}


# --- what machines read -------------------------------------------------------------------------------------------


def test_structured_data_is_json_that_cannot_end_its_element(client, make_campaign):
    campaign = make_campaign(title="</script><script>alert(1)</script>")
    page = client.get(f"/c/{campaign.slug}/").content.decode()
    block = page.partition('<script type="application/ld+json">')[2].partition("</script>")[0]
    data = json.loads(block)
    assert (data["name"], data["interactionStatistic"]["userInteractionCount"]) == (campaign.title, 0)


def test_the_feed_has_the_updates_and_the_count(client, campaign):
    Update.objects.create(campaign=campaign, slug="u", title="News & more", lead="L", published_at=timezone.now())
    response = client.get(f"/c/{campaign.slug}/feed.atom")
    feed = ElementTree.fromstring(response.content)
    atom = "{http://www.w3.org/2005/Atom}"
    assert response["Content-Type"].startswith("application/atom+xml")
    assert feed.findtext(f"{atom}subtitle") == "0 people have signed"
    assert [entry.findtext(f"{atom}title") for entry in feed.iter(f"{atom}entry")] == ["News & more"]


def test_the_site_map_has_public_pages_in_every_language_and_no_others(client, campaign, make_campaign):
    draft = make_campaign(state="draft")
    body = client.get("/sitemap.xml").content.decode()
    ElementTree.fromstring(body)
    assert f"http://testserver/c/{campaign.slug}/numbers/" in body
    assert f"http://testserver/ar/c/{campaign.slug}/" in body
    assert draft.slug not in body


def test_the_embed_may_stand_anywhere_and_its_link_is_counted(client, campaign):
    response = client.get(f"/c/{campaign.slug}/embed/")
    assert f"/c/{campaign.slug}/via/embed/" in response.content.decode()
    assert "X-Frame-Options" not in response
    assert "frame-ancestors *" in response["Content-Security-Policy"]
