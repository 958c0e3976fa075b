"""The admin as staff meet it: who sees what, and words where the database would only refuse."""

import datetime
import re
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone

from petitions.models import Addressee, Campaign, Disclosure
from signatures.models import Delivery, LedgerEntry, Register, Signature, Submission, Tally, TallySum
from staff.models import AuditEntry, Role
from tests.support.fixtures import a_key
from web.maintenance import forget_maintenance

STATE = Delivery.State


@pytest.fixture
def campaigner(client, staff):
    client.force_login(staff(Role.CAMPAIGNER, username="campaigner"))
    return client


@pytest.fixture
def moderator(client, staff):
    """Who writes and opens: in a small section, one person is both."""
    client.force_login(staff(Role.MODERATOR, username="both"))
    staff(Role.CAMPAIGNER, username="both")
    return client


@pytest.fixture
def officers(staff):
    two = tuple(staff(Role.DELIVERY_OFFICER, username=name) for name in ("officer-1", "officer-2"))
    a_key(two[1])
    return two


def change_url(thing):
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])


def fields_of(campaign, **changes):
    """What the browser would send for this campaign."""
    names = (
        "title", "slug", "lead", "pledge", "language", "state", "disclosure", "persons_per_mailbox", "responsible",
    )  # fmt: skip
    data = {name: getattr(campaign, name) for name in names} | {
        "addressee": campaign.addressee_id,
        "section": campaign.section_id,
    }
    if campaign.at_risk:
        data["at_risk"] = "on"
    data |= {"demands-TOTAL_FORMS": 0, "demands-INITIAL_FORMS": 0}
    data |= {"signing_rules-TOTAL_FORMS": 0, "signing_rules-INITIAL_FORMS": 0}
    return {name: value for name, value in (data | changes).items() if value is not None}


def save(client, campaign, **changes):
    response = client.post(change_url(campaign), fields_of(campaign, **changes))
    campaign.refresh_from_db()
    return response


def errors(response):
    form = response.context["adminform"].form
    return {field: " ".join(messages) for field, messages in form.errors.items()}


# --- roles --------------------------------------------------------------------------------------------------


def test_no_signature_and_no_submission_is_in_the_admin():
    assert not {Signature, Submission, Register, Tally} & set(admin.site._registry)


# --- campaigns ----------------------------------------------------------------------------------------------


def test_a_new_campaign_is_a_draft_until_its_keys_are_made(moderator, section):
    body = Addressee.objects.create(name="The Council")
    new = Campaign(
        title="New", slug="new", lead="L", pledge="P", responsible="R", addressee=body, section=section, state="open"
    )
    add = reverse("admin:petitions_campaign_add")
    assert moderator.post(add, fields_of(new)).status_code == 302
    saved = Campaign.objects.get(slug="new")
    assert saved.state == "draft"
    assert save(moderator, saved, state="open").status_code == 302
    assert saved.state == "draft", "the state changes by steps (petitions/desk/lifecycle.py), never by a field"


def test_a_moderator_plans_the_times_but_does_not_write(client, staff, make_campaign):
    client.force_login(staff(Role.MODERATOR))
    draft = make_campaign(state="draft")
    soon = {"closes_at_0": "2036-01-01", "closes_at_1": "12:00:00"}
    assert save(client, draft, lead="Rewritten.", **soon).status_code == 302
    assert (draft.closes_at.year, draft.lead) == (2036, "It closes at four.")


def test_what_signers_were_promised_is_only_narrowed(campaigner, make_campaign):
    campaign = make_campaign(at_risk=True, disclosure=Disclosure.COUNT)
    Register.objects.filter(campaign=campaign).update(last_number=1, counted=1)
    other = Addressee.objects.create(name="Somebody else")
    response = save(campaigner, campaign, at_risk=None, disclosure="named", addressee=other.pk)
    assert set(errors(response)) == {"at_risk", "disclosure"}
    assert (campaign.at_risk, campaign.disclosure) == (True, "count")


def test_narrowing_takes_two_people(campaigner, campaign):
    Register.objects.filter(campaign=campaign).update(last_number=1, counted=1)
    assert "Approvals" in errors(save(campaigner, campaign, disclosure="count"))["disclosure"]
    assert campaign.disclosure == "named"


def test_a_refusal_that_web_cannot_foresee_is_told_in_words(campaigner, make_campaign, sign):
    campaign = make_campaign(disclosure=Disclosure.COUNT)
    sign(campaign, confirmed=False)  # web may not look for it, the guard does
    response = save(campaigner, campaign, disclosure="named", lead="Typed in vain?")
    assert "only be reduced" in errors(response)["__all__"]
    assert b"Typed in vain?" in response.content
    assert campaign.disclosure == "count"


def test_full_disclosure_to_an_addressee_is_not_offered(campaigner, campaign):
    assert "disclosure" in errors(save(campaigner, campaign, disclosure="full"))


def test_an_addressee_does_not_become_a_trusted_third_party(campaigner, campaign):
    response = campaigner.post(change_url(campaign.addressee), {"name": "The Mayor", "trusted_third_party": "on"})
    assert "trusted_third_party" in errors(response)


def test_a_campaign_cannot_be_deleted(campaigner, campaign):
    url = reverse("admin:petitions_campaign_delete", args=[campaign.pk])
    assert campaigner.post(url, {"post": "yes"}).status_code == 403


def test_the_list_takes_as_many_queries_for_many_campaigns(campaigner, make_campaign, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    url = reverse("admin:petitions_campaign_changelist")
    make_campaign()
    campaigner.get(url)  # what a process remembers for a moment is known from here on
    forget_maintenance()
    with CaptureQueriesContext(
        connection,
    ) as one:
        campaigner.get(url)
    for _campaign in range(3):
        make_campaign()
    forget_maintenance()
    with django_assert_num_queries(len(one)):
        campaigner.get(url)


# --- the tally ----------------------------------------------------------------------------------------------


def test_the_tally_is_exact(campaigner, campaign):
    today = timezone.now().date()
    for country, days_ago, n in (("PL", 0, 3), ("PL", 1, 4), ("DE", 5, 1)):
        day = today - datetime.timedelta(days=days_ago)
        for dimension, key in (("country", country), ("day", day.isoformat()), ("source", "web")):
            row, _ = TallySum.objects.get_or_create(campaign=campaign, dimension=dimension, key=key, defaults={"n": 0})
            TallySum.objects.filter(pk=row.pk).update(n=row.n + n)
    LedgerEntry.objects.create(campaign=campaign, on=today, taken=9, admitted=8, duplicate=1)
    response = campaigner.get(f"/admin/petitions/campaign/{campaign.pk}/tally/")
    tally = response.context["tally"]
    assert (tally.total, tally.today, tally.yesterday) == (8, 3, 4)
    assert [(s.figure.code, s.figure.count, s.percent) for s in tally.countries] == [("PL", 7, 87.5), ("DE", 1, 12.5)]
    assert [day.count for day in tally.days] == [3, 4, 1]
    assert response.content.count(b"<rect") == 3
    assert ("− Duplicates", 1) in tally.ledger


def test_the_sums_are_exported_as_csv(campaigner, campaign):
    TallySum.objects.create(campaign=campaign, dimension="language", key="be", n=7)
    response = campaigner.get(f"/admin/petitions/campaign/{campaign.pk}/export/")
    assert b"language,be,7" in response.content
    assert b"ledger,admitted,0" in response.content
    assert response.content.startswith(b"\xef\xbb\xbfdimension,")
    assert "no-store" in response["Cache-Control"]


def test_a_claim_snapshot_is_taken_by_a_button_and_once(campaigner, campaign):
    url = f"/admin/petitions/campaign/{campaign.pk}/claim/"
    assert campaigner.get(url).status_code == 405
    for name in ("handover", "handover", "No Slug!"):
        campaigner.post(url, {"name": name})
    assert [claim.name for claim in campaign.claims.all()] == ["handover"]


def test_the_tally_of_a_campaign_nobody_signed(campaigner, campaign):
    assert b"No confirmed signatures yet" in campaigner.get(f"/admin/petitions/campaign/{campaign.pk}/tally/").content
    assert campaigner.get("/admin/petitions/campaign/0/tally/").status_code == 404


def test_officers_see_campaigns_but_not_the_tally(client, officers, campaign):
    client.force_login(officers[0])
    assert client.get(change_url(campaign)).status_code == 200
    assert client.get(f"/admin/petitions/campaign/{campaign.pk}/tally/").status_code == 403
    assert client.post(change_url(campaign), fields_of(campaign)).status_code == 403


# --- deliveries ---------------------------------------------------------------------------------------------


@pytest.fixture
def delivery(client, officers, campaign):
    """Requested by the first officer, in the admin; the second is logged in then."""
    Register.objects.filter(campaign=campaign).update(last_number=10, counted=10)
    client.force_login(officers[0])
    assert ask(client, campaign).status_code == 302
    client.force_login(officers[1])
    return Delivery.objects.get()


def ask(client, campaign, profile="named"):
    data = {"campaign": campaign.pk, "addressee": campaign.addressee_id, "profile": profile}
    return client.post(reverse("admin:signatures_delivery_add"), data)


def press(client, step, delivery, **kwargs):
    response = client.post(reverse(f"admin:signatures_delivery_{step}", args=[delivery.pk]), **kwargs)
    delivery.refresh_from_db()
    return response


def test_a_request_names_who_asked_and_what_for(delivery, officers):
    assert (delivery.requested_by, delivery.first_number, delivery.last_number) == (officers[0], 1, 10)


def test_the_other_officer_approves_with_a_button(client, delivery, officers):
    assert b"/approve/" in client.get(change_url(delivery)).content
    press(client, "approve", delivery)
    assert (delivery.state, delivery.approved_by) == (STATE.APPROVED, officers[1])


def test_the_requester_has_no_button_and_no_way(client, delivery, officers):
    client.force_login(officers[0])
    page = client.get(change_url(delivery)).content
    assert b"Someone else has to approve it" in page
    assert b"/approve/" not in page
    assert "Someone else" in press(client, "approve", delivery, follow=True).content.decode()
    assert delivery.state == STATE.REQUESTED


def test_a_second_press_says_what_is(client, delivery):
    press(client, "approve", delivery)
    assert "Nothing was changed" in press(client, "approve", delivery, follow=True).content.decode()


def test_a_link_changes_nothing(client, delivery):
    for step in ("approve", "withdraw", "retry"):
        assert client.get(reverse(f"admin:signatures_delivery_{step}", args=[delivery.pk])).status_code == 405


def test_another_site_cannot_press_a_button(delivery, officers):
    from tests.support.fixtures import SiteClient

    strict = SiteClient(enforce_csrf_checks=True)
    strict.force_login(officers[1])
    assert press(strict, "approve", delivery).status_code == 403
    assert delivery.state == STATE.REQUESTED


def test_campaigners_have_no_part_in_deliveries(client, delivery, staff):
    client.force_login(staff(Role.CAMPAIGNER, username="campaigner"))
    assert client.get(reverse("admin:signatures_delivery_changelist")).status_code == 403
    assert press(client, "approve", delivery).status_code == 404
    assert client.get(change_url(delivery)).status_code == 404


def test_a_requested_delivery_is_neither_edited_nor_deleted(client, delivery):
    client.post(change_url(delivery), {"profile": "count", "_save": "1"})
    delivery.refresh_from_db()
    assert delivery.profile == "named"
    url = reverse("admin:signatures_delivery_delete", args=[delivery.pk])
    assert client.post(url, {"post": "yes"}).status_code == 403


def test_asking_again_says_there_is_nothing_new(client, delivery, campaign):
    assert "nothing new" in errors(ask(client, campaign))["__all__"]


def test_the_form_says_what_a_campaign_at_risk_allows(client, officers, make_campaign):
    campaign = make_campaign(at_risk=True, disclosure=Disclosure.COUNT)
    Register.objects.filter(campaign=campaign).update(last_number=10, counted=10)
    client.force_login(officers[0])
    assert "Totals only" in errors(ask(client, campaign, "named"))["profile"]


def test_withdrawing_and_trying_again(client, delivery, officers):
    press(client, "approve", delivery)
    Delivery.objects.filter(pk=delivery.pk).update(state=STATE.FAILED, problem="The disk is full.")
    assert b"The disk is full." in client.get(change_url(delivery)).content
    press(client, "retry", delivery)
    assert delivery.state == STATE.APPROVED
    Delivery.objects.filter(pk=delivery.pk).update(state=STATE.FAILED)
    press(client, "withdraw", delivery)
    assert delivery.state == STATE.WITHDRAWN


def test_the_packet_is_downloaded_as_it_was_sealed(client, delivery):
    download = reverse("admin:signatures_delivery_download", args=[delivery.pk])
    assert client.get(download).status_code == 404
    press(client, "approve", delivery)
    archive = storages["packets"].save("packet.zip.age", ContentFile(b"age-encryption.org/v1"))
    manifest = {
        "totals": {"signatures": 9, "countries": 2, "listed": 5, "gaps": 1},
        "by_country": [{"code": "PL", "name": "Poland", "count": 7}],
        "files": [{"name": "named-0001.csv", "sha256": "ab" * 32, "rows": 5, "bytes": 100}],
    }
    Delivery.objects.filter(pk=delivery.pk).update(
        state=STATE.READY, archive=archive, archive_sha256="cd" * 32, manifest=manifest, built_at=timezone.now()
    )
    page = client.get(change_url(delivery)).content.decode()
    for shown in ("Poland", "named-0001.csv", "ab" * 32, "cd" * 32, "Download packet"):
        assert shown in page
    response = client.get(download)
    assert b"".join(response.streaming_content) == b"age-encryption.org/v1"
    assert response["Content-Disposition"] == f'attachment; filename="{archive}"'
    assert "no-store" in response["Cache-Control"]


@pytest.fixture
def ready(client, delivery):
    press(client, "approve", delivery)
    archive = storages["packets"].save("packet.zip.age", ContentFile(b"age-encryption.org/v1"))
    Delivery.objects.filter(pk=delivery.pk).update(
        state=STATE.READY, archive=archive, archive_sha256="cd" * 32, manifest={}
    )
    delivery.refresh_from_db()
    return delivery


def downloads_of(delivery):
    taken = AuditEntry.objects.filter(detail__delivery=delivery.pk, action="delivery.download")
    return list(taken.order_by("seq").values_list("actor__username", flat=True))


def test_each_download_is_in_the_audit_trail(client, ready, officers):
    url = reverse("admin:signatures_delivery_download", args=[ready.pk])
    assert b"".join(client.get(url).streaming_content) == b"age-encryption.org/v1"
    assert downloads_of(ready) == ["officer-2"]
    client.force_login(officers[0])
    assert b"".join(client.get(url).streaming_content) == b"age-encryption.org/v1"
    assert downloads_of(ready) == ["officer-2", "officer-1"]


def test_what_hands_over_nothing_is_no_download_in_the_audit_trail(client, ready, staff):
    url = reverse("admin:signatures_delivery_download", args=[ready.pk])
    assert client.head(url).status_code == 405
    client.get(change_url(ready))
    storages["packets"].delete(ready.archive)
    assert client.get(url).status_code == 404
    client.force_login(staff(Role.CAMPAIGNER, username="campaigner"))
    assert client.get(url).status_code == 404
    assert downloads_of(ready) == []


def test_a_packet_that_is_gone_is_a_plain_404(client, delivery):
    press(client, "approve", delivery)
    Delivery.objects.filter(pk=delivery.pk).update(
        state=STATE.READY, archive="gone.zip", archive_sha256="0" * 64, manifest={}
    )
    assert client.get(reverse("admin:signatures_delivery_download", args=[delivery.pk])).status_code == 404


# --- keys, and what is offered ------------------------------------------------------------------------------------


def sealed(delivery, **given):
    """As if it had been built."""
    values = {"state": STATE.READY, "archive": "a-1.zip.age", "archive_sha256": "0" * 64, "manifest": {}}
    Delivery.objects.filter(pk=delivery.pk).update(**values | {"built_at": timezone.now()} | given)


def test_the_page_says_who_can_open_the_packet_and_who_cannot(client, delivery, officers):
    page = client.get(change_url(delivery)).content.decode()
    assert "No key in use: officer-1. Only officer-2 can open the packet." in page
    press(client, "approve", delivery)
    sealed(delivery)
    page = client.get(change_url(delivery)).content.decode()
    assert "is encrypted to the keys of: officer-2." in page
    assert "Open it with yours" in page
    client.force_login(officers[0])
    page = client.get(change_url(delivery)).content.decode()
    assert "was not encrypted to a key of yours, so you cannot open it. Who can: officer-2." in page
    assert "Open it with yours" not in page


def test_a_key_made_or_revoked_after_the_build_changes_nothing_of_who_can_open_it(client, delivery, officers):
    press(client, "approve", delivery)
    sealed(delivery, built_at=timezone.now())
    a_key(officers[0])
    officers[1].recipients.update(state="revoked", revoked_at=timezone.now())
    page = client.get(change_url(delivery)).content.decode()
    assert "is encrypted to the keys of: officer-2." in page


def test_where_neither_of_two_has_a_key_nothing_is_approved(client, delivery, officers):
    officers[1].recipients.all().delete()
    assert "No key in use: officer-1, officer-2" in client.get(change_url(delivery)).content.decode()
    said = press(client, "approve", delivery, follow=True).content.decode()
    assert "Neither officer-1 nor officer-2 has a key in use" in said
    assert delivery.state == STATE.REQUESTED


def test_the_second_officer_refuses_and_the_first_withdraws(client, delivery, officers):
    button = re.compile(r"/withdraw/.*?<button[^>]*>\s*(\w+)", re.DOTALL)
    assert button.search(client.get(change_url(delivery)).content.decode())[1] == "Refuse"
    client.force_login(officers[0])
    assert button.search(client.get(change_url(delivery)).content.decode())[1] == "Withdraw"


def test_a_line_of_the_desk_opens_a_form_that_is_filled_in(client, campaign, officers):
    Register.objects.filter(campaign=campaign).update(last_number=10, counted=10)
    Addressee.objects.create(name="Nobody's addressee")
    client.force_login(officers[0])
    url = reverse("admin:signatures_delivery_add", query={"campaign": campaign.pk, "addressee": campaign.addressee_id})
    assert url.replace("&", "&amp;") in client.get(reverse("admin:index")).content.decode()
    form = client.get(url).context["adminform"].form
    assert form.initial == {"campaign": campaign, "addressee": campaign.addressee}
    assert list(form.fields["addressee"].queryset) == [campaign.addressee]
    assert [value for value, _label in form.fields["profile"].choices] == ["count", "initials", "named"]
    for nonsense in ("x", "", "9" * 30, "-1", "²"):
        assert client.get(reverse("admin:signatures_delivery_add", query={"campaign": nonsense})).status_code == 200


def test_what_is_asked_for_is_asked_question_after_question_and_only_what_can_apply(client, campaign, officers):
    Register.objects.filter(campaign=campaign).update(last_number=10, counted=10)
    notary = Addressee.objects.create(name="A notary", trusted_third_party=True)
    Addressee.objects.create(name="Nobody's addressee")
    client.force_login(officers[0])
    add = reverse("admin:signatures_delivery_add")
    first = client.get(add)  # there is one campaign, so it is not asked for
    assert list(first.context["adminform"].form.fields["addressee"].queryset) == [notary, campaign.addressee]
    assert b"Continue" in first.content
    assert b'name="profile"' not in first.content
    told = client.post(add, {"campaign": campaign.pk, "addressee": notary.pk})
    last = client.get(told["Location"])
    assert b"Request delivery" in last.content
    assert [value for value, _label in last.context["adminform"].form.fields["profile"].choices] == [
        "count", "initials", "named", "full",
    ]  # fmt: skip
    Campaign.objects.filter(pk=campaign.pk).update(at_risk=True, disclosure="count")
    last = client.get(told["Location"])
    assert [value for value, _label in last.context["adminform"].form.fields["profile"].choices] == ["count"]
    assert not Delivery.objects.exists()


def test_after_asking_again_a_download_leads_back_to_its_page(client, ready, officers):
    client.force_login(officers[1])
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 24 * 3600
    session.save()
    download = reverse("admin:signatures_delivery_download", args=[ready.pk])
    page = f"http://testserver{change_url(ready)}"
    asked = client.get(download, headers={"referer": page})
    assert asked.status_code == 302
    assert urlencode({"next": change_url(ready)}) in asked["Location"]
    assert urlencode({"next": reverse("admin:index")}) in client.get(download)["Location"]
    assert "Press the button again" in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({}, 200, b"age-encryption.org/v1"),
        ({"range": "bytes=0-"}, 200, b"age-encryption.org/v1"),
        ({"range": "bytes=4-"}, 206, b"encryption.org/v1"),
        ({"range": "bytes=20-", "if-range": f'"{"cd" * 32}"'}, 206, b"1"),
        ({"range": "bytes=4-", "if-range": '"another"'}, 200, b"age-encryption.org/v1"),
        ({"range": "bytes=21-"}, 416, b""),
        ({"range": "bytes=4-9"}, 200, b"age-encryption.org/v1"),
        ({"range": "bytes=-4"}, 200, b"age-encryption.org/v1"),
        ({"range": "lines=4-"}, 200, b"age-encryption.org/v1"),
        ({"range": "bytes=" + "9" * 400 + "-"}, 200, b"age-encryption.org/v1"),
        ({"range": "bytes=1-,3-"}, 200, b"age-encryption.org/v1"),
    ],
)
def test_a_download_that_broke_off_goes_on(client, ready, headers, status, body):
    answer = client.get(reverse("admin:signatures_delivery_download", args=[ready.pk]), headers=headers)
    assert (answer.status_code, b"".join(answer)) == (status, body)
    if status == 206:
        assert answer["Content-Range"] == f"bytes {21 - len(body)}-20/21"
        assert answer["Content-Length"] == f"{len(body)}"
    assert downloads_of(ready) == ["officer-2"]
