"""Attacks on the desk, tried for real: by whoever has a login, a phone, a colleague's trust or an unlocked screen."""

import datetime
from urllib.parse import urlsplit

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.urls import reverse

from petitions.models import Picture
from staff import approvals
from staff.access_matrix import all_pages
from staff.approvals import NotAllowed
from staff.factors import propose_forgetting
from staff.memberships import propose_membership
from staff.models import Membership, Proposal, Role
from tests.staff.login.test_login import KEY, code_now, type_code, type_password
from tests.staff.test_access_matrix import MAKERS, a_delivery, a_handover, a_picture, is_refused, undone
from tests.support.fixtures import PASSWORD, SiteClient

NOW = datetime.datetime(2026, 1, 1, 8, tzinfo=datetime.UTC)


@pytest.fixture
def person(staff):
    """A campaigner with an authenticator app."""
    user = staff(Role.CAMPAIGNER, username="anna")
    TOTP.activate(user, KEY)
    return user


@pytest.fixture
def administrators(staff):
    return staff(Role.ADMINISTRATOR), staff(Role.ADMINISTRATOR)


def person_page(person, **given):
    """The form of a login, as its page sends it, with its roles untouched."""
    held = list(person.memberships.all())
    rows = {"memberships-TOTAL_FORMS": len(held), "memberships-INITIAL_FORMS": len(held)}
    for n, membership in enumerate(held):
        rows |= {f"memberships-{n}-id": membership.pk, f"memberships-{n}-user": person.pk}
    return {"username": person.username, "is_active": "on", **rows, **given}


# --- a stolen password, a phone looked at over a shoulder -----------------------------------------------------------


def test_a_code_spelt_otherwise_is_the_same_code(client, person):
    with time_machine.travel(NOW, tick=False) as clock:
        code = code_now()
        type_password(client)
        assert type_code(client, code).status_code == 302
        clock.shift(40)
        cache.delete(f"allauth.mfa.totp.used?user={person.pk}&code={code}")  # it would have forgotten by now
        for spelt in (f"{code[:3]}-{code[3:]}", f".{code}", f"{code}_"):
            second = SiteClient()
            type_password(second)
            assert type_code(second, spelt).status_code == 200, spelt


def test_a_password_replaced_meanwhile_does_not_end_a_login_begun_with_it(client, person):
    type_password(client)
    person.set_password("another staple of horses")
    person.save()
    assert type_code(client)["Location"] == "/admin/login/"
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_who_is_logged_in_with_a_lost_factor_is_out_when_it_is_removed(client, person):
    type_password(client)
    type_code(client)
    owner = SiteClient()
    owner.force_login(person)
    Authenticator.objects.create(user=person, type="webauthn", data={"name": "Key", "credential": {}})
    owner.post(reverse("mfa_deactivate_totp"))
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    assert owner.get("/admin/").status_code == 200


def test_a_session_fixed_on_a_victim_is_another_after_login(client, person):
    client.get("/admin/login/")
    type_password(client)
    half = client.session.session_key
    type_code(client)
    assert client.session.session_key != half


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example/", "/\\evil.example", "\thttps://evil.example", "javascript:x()"]
)
def test_nobody_is_sent_to_another_site(client, person, there):
    client.post("/admin/login/", {"login": "anna", "password": PASSWORD, "next": there})
    answers = [client.post("/admin/login/code/", {"code": code_now()})]
    cache.clear()  # the code may be typed once more
    answers.append(client.post("/admin/again/", {"code": code_now(), "next": there}))
    answers.append(client.get("/admin/login/", {"next": there}))
    answers.append(client.post("/admin/logout/", {"next": there}))
    for answer in answers:
        where = urlsplit(answer["Location"])
        assert (where.scheme, where.netloc) == ("", "")
        assert where.path.startswith("/admin/")


# --- a screen left open ---------------------------------------------------------------------------------------------


def test_factors_and_recovery_codes_are_not_touched_without_showing_a_factor_again(client, person):
    codes = RecoveryCodes.activate(person).get_unused_codes()
    with time_machine.travel(NOW, tick=False) as clock:
        client.force_login(person)
        clock.shift(11 * 60)
        for name in ("mfa_add_webauthn", "mfa_generate_recovery_codes", "mfa_view_recovery_codes"):
            page = client.get(reverse(name))
            assert page["Location"].startswith("/admin/again/"), name
        for name in ("mfa_add_webauthn", "mfa_generate_recovery_codes", "mfa_deactivate_totp"):
            client.post(reverse(name), {"name": "Mine", "credential": "{}"})
    assert Authenticator.objects.filter(user=person).count() == 2
    assert RecoveryCodes.activate(person).get_unused_codes() == codes


@pytest.mark.parametrize("page", ["delivery", "proposal"])
def test_nothing_is_approved_at_a_screen_left_open(page, staff, staff_client, campaign):
    with time_machine.travel(NOW, tick=False) as clock:
        officer = staff(Role.DELIVERY_OFFICER)
        TOTP.activate(officer, KEY)
        browser = staff_client(officer)
        clock.shift(11 * 60)
        delivery = a_delivery(campaign)
        thing = delivery if page == "delivery" else delivery.proposal
        browser.post(reverse(f"admin:{thing._meta.app_label}_{page}_approve", args=[thing.pk]))
        delivery.refresh_from_db()
        assert delivery.state == "requested"


# --- one administrator ----------------------------------------------------------------------------------------------


def test_one_administrator_removes_nobodys_second_factor(administrators, person, as_desk):
    with as_desk(), pytest.raises(NotAllowed, match="Someone else"):
        approvals.approve(propose_forgetting(person, administrators[0], "Lost."), administrators[0])
    with pytest.raises(IntegrityError, match="nobody else has approved"), transaction.atomic(), as_desk():
        Authenticator.objects.filter(user=person).delete()
    assert Authenticator.objects.filter(user=person).exists()


def test_two_remove_them_and_are_told_who_made_a_link(administrators, person, as_desk, client, staff_client):
    asks, decides = administrators
    RecoveryCodes.activate(person)
    type_password(client)
    type_code(client)
    staff_client(asks).post(reverse("admin:auth_user_link", args=[person.pk]))
    with as_desk():
        asked = propose_forgetting(person, asks, "Her phone is at the police.")
        assert f"{asks} created a one-time link" in approvals.what_happens(asked)
        approvals.approve(asked, decides)
    asked.refresh_from_db()
    assert asked.done_at is not None
    assert not Authenticator.objects.filter(user=person).exists()
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(
    ("hers", "shown", "alike"),
    [
        ("198.51.100.9", "198.51.100.0/24", True),
        ("203.0.113.9", "203.0.113.0/24", False),
        ("2001:db8:7:1::9", "2001:db8:7::/48", False),
        ("unknown", "an unknown network", False),
    ],
)
def test_whoever_decides_sees_who_set_a_factor_up_when_and_from_where(
    administrators, staff_client, section, as_desk, hers, shown, alike
):
    """Red team: an administrator made a colleague up, and nothing told the second one who had enrolled."""
    asks, decides = administrators
    theirs = "198.51.100.7"
    rows = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0, "is_active": "on"}
    browser = staff_client(asks)
    browser.post(reverse("admin:auth_user_add"), {"username": "newcomer", **rows}, REMOTE_ADDR=theirs)
    newcomer = User.objects.get(username="newcomer")
    session = SiteClient(REMOTE_ADDR=hers)
    session.force_login(newcomer, second_factor=False)
    session.get(reverse("mfa_index"))  # says who acts, and from where
    with as_desk():
        TOTP.activate(newcomer, KEY)
        asked = propose_membership(newcomer, Role.MODERATOR, section, asks, "He begins on Monday.")
        words = approvals.what_happens(asked)
    assert "set up by newcomer on " in words
    assert f"from {shown}." in words
    assert f"{asks} created a one-time link" in words
    assert "from 198.51.100.0/24." in words
    assert ("That is the network" in words) == alike
    with as_desk():
        assert shown in approvals.what_happens(propose_forgetting(newcomer, asks, "Lost."))
    page = staff_client(decides).get(reverse("admin:staff_proposal_change", args=[asked.pk])).content.decode()
    assert "set up by newcomer" in page


def test_nobody_takes_over_a_role_by_a_one_time_link(administrators, staff, staff_client, section, as_desk):
    """Without a factor, a link alone is the login: so no role is given then, and no link once there is one."""
    newcomer, browser = User.objects.create(username="newcomer"), staff_client(administrators[0])
    with as_desk(), pytest.raises(NotAllowed, match="no second factor"):
        propose_membership(newcomer, Role.MODERATOR, section, administrators[0], "")
    with_role = staff(Role.MODERATOR)
    refused = browser.post(reverse("admin:auth_user_link", args=[with_role.pk]), follow=True)
    assert b"/admin/begin/" not in refused.content
    assert b"Remove the roles first" in refused.content
    assert b"/admin/begin/" in browser.post(reverse("admin:auth_user_link", args=[newcomer.pk])).content


def test_a_login_closed_between_asking_and_approving_is_given_no_role(administrators, person, section, as_desk):
    asks, decides = administrators
    asked = propose_membership(person, Role.MODERATOR, section, asks, "")
    User.objects.filter(pk=person.pk).update(is_active=False)
    with as_desk(), pytest.raises(NotAllowed, match="no second factor"):
        approvals.approve(asked, decides)
    assert not person.memberships.filter(role=Role.MODERATOR).exists()


def test_what_is_no_field_of_a_login_is_not_taken_from_its_form(administrators, staff_client, person):
    forged = {"is_superuser": "on", "is_staff": "on", "password": "x", "username": "boris"}
    new_row = {"memberships-TOTAL_FORMS": 2, "memberships-1-role": "privacy_officer", "memberships-1-user": person.pk}
    url = reverse("admin:auth_user_change", args=[person.pk])
    staff_client(administrators[0]).post(url, person_page(person) | forged | new_row)
    person.refresh_from_db()
    assert (person.username, person.is_superuser, person.is_staff) == ("anna", False, False)
    assert person.check_password(PASSWORD)
    assert [membership.role for membership in person.memberships.all()] == [Role.CAMPAIGNER]


# --- another section ------------------------------------------------------------------------------------------------

EVERYTHING = (Role.CAMPAIGNER, Role.MODERATOR, Role.DELIVERY_OFFICER)


@pytest.fixture
def insiders(staff, staff_client):
    """Browsers of one who holds every role in the section of the tests, and of an administrator."""
    person = staff(EVERYTHING[0], username="everything")
    for role in EVERYTHING[1:]:
        staff(role, username="everything")
    return {"staff": staff_client(person), "administrator": staff_client(staff(Role.ADMINISTRATOR))}


def list_of(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


#: What no list shows, asked of it all the same.
QUESTIONS = (
    "id__regex=(", "password__startswith=md5", "_popup=1&_to_field=password", "actor__password__gt=a",
    "officer__password__gt=a", "memberships__user__password__gt=a", "proof__isnull=0", "campaign__disclosure=named",
)  # fmt: skip
#: What makes a list stumble.
STONES = ("q=%00", "state__exact=%00", "campaign__id__exact=abc")


def test_a_list_answers_nothing_about_what_it_does_not_show_and_never_fails(insiders, make_campaign, other_section):
    for campaign in (make_campaign(), make_campaign(section=other_section)):
        for make in MAKERS.values():
            make(campaign)
    answered, asked = [], set()
    for browser in insiders.values():
        for url in map(list_of, admin.site._registry):
            # What may be asked is the list's rule, whoever asks: one insider each is enough.
            if url in asked or is_refused(browser.get(url)):
                continue
            asked.add(url)
            pages = {query: browser.get(f"{url}?{query}") for query in (*QUESTIONS, *STONES)}
            answered += [
                f"{url}?{query}: {page.status_code}"
                for query, page in pages.items()
                if page.status_code >= 500 or (query in QUESTIONS and "cl" in (page.context or {}))
            ]
    assert answered == []


def test_what_is_posted_reaches_nothing_in_another_section(insiders, make_campaign, other_section):
    here, there = make_campaign(), make_campaign(section=other_section)
    things = {model: (make(here), make(there))[1] for model, make in MAKERS.items()}
    reached = []
    for page in all_pages():
        if page.model is None or not page.has_object:
            continue
        thing = things[page.model]
        if page.model is not Proposal and admin.site.get_model_admin(page.model).section_of(thing) is None:
            continue
        with undone():
            url = reverse(page.name, kwargs={"object_id": thing.pk})
            answer = insiders["staff"].post(url, {"step": "close", "reason": "x", "name": "x", "post": "yes"})
        if not is_refused(answer) and answer.status_code != 405:
            reached.append(f"{url}: {answer.status_code}")
    assert reached == []


def test_deleting_several_asks_for_each_of_them(staff, staff_client, make_campaign, other_section):
    mine, theirs = a_picture(make_campaign()), a_picture(make_campaign(section=other_section))
    both = staff(Role.CAMPAIGNER)
    Membership.objects.create(user=both, role=Role.MODERATOR, section=other_section)
    browser = staff_client(both)
    assert theirs in browser.get(list_of(Picture)).context["cl"].result_list
    asked = {"action": "delete_selected", "_selected_action": [mine.pk, theirs.pk], "post": "yes"}
    assert browser.post(list_of(Picture), asked).status_code == 403
    assert Picture.objects.count() == 2


def test_searching_and_guessing_addresses_tells_nothing_of_another_section(insiders, make_campaign, other_section):
    there = make_campaign(section=other_section, title="Unheard-of Thing", state="draft")
    for browser in insiders.values():
        for url in (
            "/admin/search/?s=Unheard",
            "/admin/autocomplete/?app_label=petitions&model_name=update&field_name=campaign&term=Unheard",
            f"/admin/r/1/{there.pk}/",
            "/admin/petitions/",
            f"/admin/petitions/campaign/{10**24}/change/",
            "/admin/signatures/delivery/%D9%A1/change/",
            "/admin/signatures/reveal/00000000-0000-0000-0000-000000000000/answer/",
        ):
            page = browser.get(url)
            assert page.status_code < 500, url
            assert b"Unheard-of" not in page.content, url


def test_a_petition_that_is_public_stays_with_those_who_look_after_its_signers(
    staff, staff_client, campaign, other_section
):
    mover = staff(Role.CAMPAIGNER)
    staff(Role.CAMPAIGNER, other_section, mover.username)
    form = staff_client(mover).get(reverse("admin:petitions_campaign_change", args=[campaign.pk])).context["adminform"]
    assert "section" not in form.form.fields
    assert "section" in form.readonly_fields


# --- a file somebody put there --------------------------------------------------------------------------------------


def test_a_receipt_never_runs_as_a_script(staff, staff_client, campaign):
    a_delivery(campaign)
    entry = a_handover(campaign)
    entry.attachment.save("receipt.js", ContentFile(b"alert(1)"))
    answer = staff_client(staff(Role.DELIVERY_OFFICER)).get(reverse("admin:signatures_handover_file", args=[entry.pk]))
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    answer.close()
    entry.attachment.close()
