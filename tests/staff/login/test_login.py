"""Staff's login: no page without a second factor, no account locked, and what was taken away stops at once."""

import datetime
import io
import re
import time
from urllib.parse import unquote

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import RedisError

from staff.login.adapters import SealedUnderAnotherKey
from staff.login.links import one_time_link
from staff.login.middleware import ADMIN_CSP
from staff.login.names import refuse_mistakable
from staff.models import AuditEntry, Membership, Role
from tests.support.fixtures import PASSWORD, SiteClient, acting_as

LOGIN = "/admin/login/"
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_now(key=KEY, later=0):
    return format_hotp_value(hotp_value(key, int(time.time()) // 30 + later))


@pytest.fixture
def person(staff):
    """A campaigner with an authenticator app."""
    user = staff(Role.CAMPAIGNER, username="anna")
    TOTP.activate(user, KEY)
    return user


def type_password(client, username="anna", password=PASSWORD, **extra):
    return client.post(LOGIN, {"login": username, "password": password}, **extra)


def type_code(client, code=None):
    return client.post("/admin/login/code/", {"code": code or code_now()})


# --- the second factor ----------------------------------------------------------------------------------------


def test_password_and_code_lead_to_the_desk(client, person):
    assert type_password(client)["Location"] == "/admin/login/code/"
    assert client.get("/admin/").status_code == 302
    assert type_code(client)["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert {cookie["path"] for cookie in client.cookies.values()} == {"/admin/"}


def test_a_code_works_once_however_long_it_is_good(client, person):
    with time_machine.travel(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), tick=False) as clock:
        code = code_now()
        type_password(client)
        assert type_code(client, code).status_code == 302
        clock.shift(40)
        cache.delete(f"allauth.mfa.totp.used?user={person.pk}&code={code}")  # it would have forgotten by now
        second = SiteClient()
        type_password(second)
        assert b"was already used" in type_code(second, code).content
        assert type_code(second).status_code == 302


@pytest.mark.parametrize("typed", ["Anna", "ANNA", " anna ", "ａｎｎａ"])
def test_a_login_has_no_case(client, person, typed):
    assert type_password(client, typed)["Location"] == "/admin/login/code/"
    assert type_code(client)["Location"] == "/admin/"
    assert client.get("/admin/").context["request"].user == person


def test_the_field_for_a_login_lets_no_phone_change_what_is_typed(client, db, staff, staff_client):
    for browser, url in ((client, LOGIN), (staff_client(staff(Role.ADMINISTRATOR)), "/admin/auth/user/add/")):
        (field,) = re.findall(r'<input[^>]*name="(?:login|username)"[^>]*>', browser.get(url).text)
        for said in ('autocapitalize="none"', 'spellcheck="false"', 'autocorrect="off"'):
            assert said in field, url


def test_without_a_second_factor_only_making_one_is_possible(client, staff, campaign):
    staff(Role.CAMPAIGNER, username="anna")
    type_password(client)
    for url in ("/admin/", f"/admin/petitions/campaign/{campaign.pk}/change/", "/admin/sessions/", "/admin/search/"):
        assert client.get(url)["Location"] == "/admin/second-factor/", url
    for name in ("mfa_index", "mfa_activate_totp", "mfa_add_webauthn"):
        assert client.get(reverse(name)).status_code == 200, name


@pytest.mark.django_db(transaction=True)  # allauth tells of the new factor on commit
def test_enrolment_ends_with_recovery_codes_and_an_open_desk(client, staff):
    user = staff(Role.CAMPAIGNER, username="anna")
    type_password(client)
    page = client.get("/admin/second-factor/app/").content.decode()
    key = re.search(r"<code>(\w{32})</code>", page)[1]
    done = client.post("/admin/second-factor/app/", {"code": code_now(key)})
    assert done["Location"] == "/admin/second-factor/codes/"
    codes = re.findall(r"<code>(\d{12})</code>", client.get(done["Location"]).content.decode())
    assert len(set(codes)) == 10
    assert client.get("/admin/").status_code == 200
    stored = [str(row.data) for row in Authenticator.objects.filter(user=user)]
    assert not [secret for secret in (key, *codes) if secret in "".join(stored)]

    lost_phone = SiteClient()
    type_password(lost_phone)
    assert type_code(lost_phone, codes[0]).status_code == 302
    again = SiteClient()
    type_password(again)
    assert type_code(again, codes[0]).status_code == 200


def test_a_password_alone_makes_no_second_factor_where_there_is_one(client, person):
    """A session begun before the factor was made does not slip past it."""
    client.force_login(person, second_factor=False)
    for name in ("admin:index", "mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "usersessions_list"):
        assert client.get(reverse(name))["Location"].startswith("/admin/again/"), name


def test_the_last_second_factor_cannot_be_removed(client, person):
    client.force_login(person)
    response = client.post("/admin/second-factor/app/remove/")
    assert response.status_code == 200
    assert Authenticator.objects.filter(user=person).exists()


def test_guessed_codes_end_without_locking_the_owner_out(client, person):
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    spare = RecoveryCodes.activate(person).get_unused_codes()[0]
    type_password(client)
    wrong = "000000" if code_now() != "000000" else "000001"
    for _guess in range(20):
        assert type_code(client, wrong).status_code == 200
    assert b"Too many wrong codes" in type_code(client).content
    assert type_code(client, spare).status_code == 302


# --- guessing passwords -----------------------------------------------------------------------------------------


def test_a_network_that_guesses_waits_and_locks_nobody_out(client, person, settings):
    settings.LOGIN_RATE = "2/h"
    for _guess in range(2):
        assert type_password(client, password="guess").status_code == 200
    refused = type_password(client)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 3600
    assert b"Too many login attempts" in refused.content
    right = type_password(client, REMOTE_ADDR="198.51.100.7")
    assert (right.status_code, right["Location"]) == (302, "/admin/login/code/")


def test_nobody_guesses_while_tries_cannot_be_counted(client, person, monkeypatch):
    def away(*args, **kwargs):
        raise RedisError

    monkeypatch.setattr("web.rate_limits.get_usage", away)
    refused = type_password(client)
    assert (refused.status_code, refused["Retry-After"]) == (503, "30")
    assert b"Try again shortly" in refused.content
    assert "_auth_user_id" not in client.session
    assert client.get(LOGIN).status_code == 200
    client.force_login(person)  # who is in stays in
    assert client.get("/admin/").status_code == 200


def test_a_login_that_is_not_there_looks_like_a_wrong_password(client, person):
    person.is_active = False
    person.save()
    pages = [
        type_password(client, *who).content for who in (("nobody", PASSWORD), ("anna", "wrong"), ("anna", PASSWORD))
    ]
    texts = {re.sub(rb'value="[^"]*"', b"", page) for page in pages}
    assert len(texts) == 1


def test_nobody_signs_up_and_no_mail_resets_a_password(client, db):
    for path in ("signup/", "password/reset/", "email/", "password_reset/"):
        assert client.get(f"/admin/{path}").status_code in (302, 404)
        assert b"Sign Up" not in client.get(f"/admin/{path}", follow=True).content


# --- sessions -----------------------------------------------------------------------------------------------------


def test_a_session_ends_when_it_is_left_alone_and_when_the_day_is_over(staff, staff_client):
    with time_machine.travel(datetime.datetime(2026, 1, 1, 8, tzinfo=datetime.UTC), tick=False) as clock:
        idle, busy = staff_client(staff(Role.CAMPAIGNER)), staff_client(staff(Role.CAMPAIGNER))
        for _click in range(2):
            clock.shift(20 * 60)
            assert busy.get("/admin/sessions/").status_code == 200
        assert idle.get("/admin/")["Location"].startswith(LOGIN)
        for _click in range(35):
            clock.shift(20 * 60)
            last = busy.get("/admin/sessions/")
        assert last["Location"].startswith(LOGIN)


def test_an_officer_who_left_is_out_with_the_next_click(staff, staff_client, section):
    user = staff(Role.DELIVERY_OFFICER)
    browser = staff_client(user)
    assert browser.get("/admin/signatures/delivery/").status_code == 200
    Membership.objects.filter(user=user).update(role=Role.CAMPAIGNER)
    assert browser.get("/admin/signatures/delivery/").status_code == 403
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert browser.get("/admin/")["Location"].startswith(LOGIN)


def test_one_sees_where_one_is_logged_in_and_ends_it(client, person):
    elsewhere = SiteClient(headers={"user-agent": "Elsewhere/1.0"})
    with time_machine.travel(timezone.now() - datetime.timedelta(minutes=5), tick=False):
        type_password(elsewhere)
        type_code(elsewhere)
    type_password(client)
    type_code(client)
    page = client.get("/admin/sessions/").content.decode()
    assert "Elsewhere/1.0" in page
    other = UserSession.objects.get(user_agent="Elsewhere/1.0")
    assert elsewhere.get("/admin/sessions/").status_code == 200
    client.post("/admin/sessions/", {"end": other.pk})
    assert elsewhere.get("/admin/")["Location"].startswith(LOGIN)
    assert client.get("/admin/").status_code == 200


def test_nobody_ends_a_strangers_session(client, person, staff):
    type_password(client)
    type_code(client)
    stranger = SiteClient()
    stranger.force_login(staff(Role.CAMPAIGNER))
    stranger.post("/admin/sessions/", {"end": UserSession.objects.get(user=person).pk})
    assert client.get("/admin/").status_code == 200


def test_public_pages_read_no_session_and_set_no_cookie(client, person, campaign, django_assert_num_queries):
    client.force_login(person)
    client.get(campaign.get_absolute_url())
    client.by_role = False  # SET ROLE is a query of the test's own
    with django_assert_num_queries(0):
        response = client.get(campaign.get_absolute_url())
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")


# --- before persons -----------------------------------------------------------------------------------------------


def test_persons_are_handed_out_only_just_after_the_second_factor(staff, staff_client, rf):
    from staff.login.factors import recently_authenticated

    with time_machine.travel(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), tick=False) as clock:
        user = staff(Role.DELIVERY_OFFICER)
        request = rf.get("/")
        browser = staff_client(user)
        request.session, request.user = browser.session, user
        assert recently_authenticated(request)
        clock.shift(9 * 60)
        assert recently_authenticated(request)
        clock.shift(2 * 60)
        assert not recently_authenticated(request)
        TOTP.activate(user, KEY)
        url = "/admin/signatures/delivery/1/download/"
        page = "/admin/signatures/delivery/1/change/"
        # Back to the page with its link: a browser that goes on to a file leaves the question standing.
        asked = browser.get(url, headers={"referer": f"http://testserver{page}"})
        assert unquote(asked["Location"]) == f"/admin/again/?next={page}"
        done = browser.post(asked["Location"], {"code": code_now(), "next": page})
        assert done["Location"] == page
        assert browser.get(url).status_code == 404  # there is none, but now it is looked for


# --- one-time links -----------------------------------------------------------------------------------------------

NEW = {"new_password1": "a longer staple of horses", "new_password2": "a longer staple of horses"}


def path_of(user):
    return one_time_link(user).removeprefix(settings.SITE_URL)


def test_a_link_lets_a_newcomer_choose_a_password_and_then_enrol(client, staff):
    user = staff(Role.CAMPAIGNER, username="anna")
    link = path_of(user)
    assert client.get(link).status_code == 200
    assert client.post(link, NEW).status_code == 302
    assert client.get("/admin/")["Location"] == "/admin/second-factor/"
    assert client.post(link, NEW).status_code == 410


def test_a_new_password_does_not_skip_the_second_factor(client, person):
    assert client.post(path_of(person), NEW)["Location"] == "/admin/login/code/"
    assert client.get("/admin/")["Location"].startswith(LOGIN)
    assert type_code(client).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_link_works_for_a_day_and_not_for_somebody_who_left(client, person):
    link = path_of(person)
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=25)):
        assert client.get(link).status_code == 410
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert client.get(link).status_code == 410
    assert client.get("/admin/begin/x/y/").status_code == 410


def test_a_weak_password_is_refused_in_words(client, person):
    weak = {"new_password1": "short", "new_password2": "short"}
    assert b"at least 12 characters" in client.post(path_of(person), weak).content


def test_the_log_drops_the_token_of_a_one_time_link(person):
    from web.redaction import without_tokens

    assert without_tokens(f"GET {path_of(person)} 200").endswith("/… 200") or "…" in without_tokens(path_of(person))


def test_the_first_administrator_is_made_by_one_command(client, db, capsys):
    call_command("create_administrator", username="root", email="")
    link = re.search(r"http://desk.testserver(\S+)", capsys.readouterr().out)[1]
    assert client.post(link, NEW).status_code == 302
    user = User.objects.get(username="root")
    assert [membership.role for membership in user.memberships.all()] == [Role.ADMINISTRATOR]
    call_command("create_administrator", username="root", email="")
    assert "http://desk.testserver/admin/begin/" in capsys.readouterr().out


def test_the_command_makes_no_administrator_of_somebody_else(staff):
    staff(Role.CAMPAIGNER, username="anna")
    with pytest.raises(CommandError, match="not an active administrator"):
        call_command("create_administrator", username="anna", email="")


MISTAKABLE = ["Anna", "ANNA", "аnna", "annа", "ａｎｎａ", "ánna", "ann\u0430"]


@pytest.mark.parametrize("wanted", MISTAKABLE)
def test_nobody_is_given_a_login_that_looks_like_anothers(staff, staff_client, person, wanted):
    browser = staff_client(staff(Role.ADMINISTRATOR))
    rows = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    page = browser.post("/admin/auth/user/add/", {"username": wanted, "is_active": "on", **rows})
    assert page.status_code == 200
    assert "looks like this: anna" in page.text or "letters a–z" in page.text
    with pytest.raises(CommandError, match=r"looks like this: anna|letters a–z|not an active administrator"):
        call_command("create_administrator", username=wanted, email="")
    assert User.objects.filter(username__in=["anna", wanted]).count() == 1


@pytest.mark.parametrize(
    ("there", "wanted"),
    [("moderator", "rnoderator"), ("moderator", "m0derator"), ("bill", "bi11"), ("bill", "BIII"), ("іван", "ivan"),
     ("олег", "oleg1")],
)  # fmt: skip
def test_what_looks_alike_is_told_from_what_does_not(db, there, wanted):
    User.objects.create(username=there)
    if wanted in {"ivan", "oleg1"}:
        refuse_mistakable(wanted)
    else:
        with pytest.raises(ValidationError, match=there):
            refuse_mistakable(wanted)


def test_the_database_holds_no_two_logins_of_one_name(person):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="Anna")


# --- people -------------------------------------------------------------------------------------------------------


def test_an_administrator_makes_a_login_without_knowing_its_password(staff, staff_client, client):
    browser = staff_client(staff(Role.ADMINISTRATOR))
    rows = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    page = browser.post("/admin/auth/user/add/", {"username": "boris", "is_active": "on", **rows}).content.decode()
    link = re.search(r"http://desk.testserver(/admin/begin/\S+/)<", page)[1]
    assert not User.objects.get(username="boris").has_usable_password()
    assert client.post(link, NEW).status_code == 302


def test_a_closed_login_has_lost_its_roles_when_it_is_opened_again(staff, staff_client):
    moderator, browser = staff(Role.MODERATOR), staff_client(staff(Role.ADMINISTRATOR))
    url, rows = (
        f"/admin/auth/user/{moderator.pk}/change/",
        {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0},
    )
    browser.post(url, {"username": moderator.username, **rows})
    browser.post(url, {"username": moderator.username, "is_active": "on", **rows})
    moderator.refresh_from_db()
    assert moderator.is_active
    assert not moderator.memberships.exists()
    noted = AuditEntry.objects.order_by("seq").values_list("action", flat=True)
    acts = [action for action in noted if not action.endswith((".changed", ".deleted"))]
    assert acts == ["membership.end", "people.close", "people.reopen"]


def test_an_administrator_holds_no_other_role_whoever_writes_it(staff, section):
    for first, second in ((Role.ADMINISTRATOR, Role.PRIVACY_OFFICER), (Role.MODERATOR, Role.ADMINISTRATOR)):
        person = staff(first)
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            Membership.objects.create(user=person, role=second)
        assert error.value.__cause__.diag.constraint_name == "membership_administrator_is_nothing_else"


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_else_manages_people(staff, staff_client, person, role):
    browser = staff_client(staff(role))
    assert browser.get("/admin/auth/user/").status_code == 403
    assert browser.post(f"/admin/auth/user/{person.pk}/link/").status_code == 404
    assert browser.get("/admin/staff/proposal/ask/factors/").status_code == 404


# --- the browser's rules ------------------------------------------------------------------------------------------


def test_only_the_admin_relaxes_the_browsers_rules(client, staff_client, staff, campaign):
    inside = staff_client(staff(Role.CAMPAIGNER))
    for page in (inside.get("/admin/"), client.get(LOGIN), client.get("/admin/nowhere/")):
        rules = dict(rule.split(" ", 1) for rule in page["Content-Security-Policy"].split("; "))
        assert rules["script-src"] == "'self' 'unsafe-eval'"
        assert rules["style-src"] == "'self' 'unsafe-inline'"
        assert rules["default-src"] == "'none'"
        assert "no-store" in page["Cache-Control"]
    assert "unsafe" not in client.get(campaign.get_absolute_url())["Content-Security-Policy"]
    assert "unsafe-inline" not in str(ADMIN_CSP["script-src"])


# --- a SECRET_KEY that was changed --------------------------------------------------------------------------------

OTHER = "another-secret-key-for-tests-0123456789-0123456789-xyz"


def test_a_second_factor_of_an_earlier_key_opens_while_that_is_named(client, person, settings):
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    spare = RecoveryCodes.activate(person).get_unused_codes()[0]
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], OTHER
    type_password(client)
    assert type_code(client)["Location"] == "/admin/"
    assert spare in client.get("/admin/second-factor/codes/").text


def test_without_the_earlier_key_it_is_said_what_to_do(client, person, settings, caplog):
    settings.SECRET_KEY = OTHER
    assert type_password(client).status_code == 302
    refused = type_code(client)
    assert refused.status_code == 503
    assert b"SECRET_KEY_FALLBACKS" in refused.content
    assert [record for record in caplog.records if "SECRET_KEY_FALLBACKS" in record.getMessage()]
    assert client.get("/admin/").status_code == 302
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        call_command("demo_code", "anna")


OWN = "a-key-of-the-desk-for-tests-0123456789-0123456789-abcdef"


def test_neither_a_dump_nor_a_secret_key_opens_second_factors(client, person, settings):
    """A20: SECRET_KEY and the web's rights opened six seeds. Rows of before are sealed anew by a command."""
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.utils import decrypt

    spare = RecoveryCodes.activate(person).get_unused_codes()[0]
    settings.FACTORS_KEY = OWN
    with acting_as(settings.DESK_ROLE):
        for sealed_anew in (2, 0):
            said = io.StringIO()
            call_command("reseal_factors", stdout=said)
            assert said.getvalue() == f"Sealed anew: {sealed_anew}.\n"
    type_password(client)
    assert type_code(client)["Location"] == "/admin/"
    assert spare in client.get("/admin/second-factor/codes/").text
    settings.FACTORS_KEY = ""
    rows = Authenticator.objects.filter(user=person)
    assert len(rows) == 2
    for row in rows:
        with pytest.raises(SealedUnderAnotherKey):
            decrypt(row.data.get("secret") or row.data["seed"])
    settings.FACTORS_KEY, settings.FACTORS_KEY_FALLBACKS = OTHER, [OWN]
    assert all(decrypt(row.data.get("secret") or row.data["seed"]) for row in rows)


def test_a_seed_that_no_key_opens_is_named_and_others_are_sealed(person, settings):
    lost = Authenticator.objects.create(
        user=User.objects.create(username="lost"), type="totp", data={"secret": "gAAAAAB"}
    )
    settings.FACTORS_KEY = OWN
    with pytest.raises(CommandError, match=rf"Sealed anew: 1\. No key opens: {lost.pk}\."):
        call_command("reseal_factors")


@pytest.mark.parametrize("role", ["public", "worker"])
def test_no_other_tier_starts_with_the_desks_key(role):
    import os
    import subprocess
    import sys

    from tests.check import OURS, PRODUCTION
    from tests.config.test_deployment import ROOT

    env = {name: value for name, value in os.environ.items() if name not in OURS} | PRODUCTION
    env |= {"ROLE": role, "FACTORS_KEY": OWN}
    done = subprocess.run(
        [sys.executable, "-c", "import config.settings"], cwd=ROOT, env=env, capture_output=True, check=False
    )
    assert b"FACTORS_KEY is the desk's alone" in done.stderr


@pytest.mark.parametrize("page", ["codes/", "codes/new/", "", "app/", "app/remove/", "passkeys/add/"])
def test_no_page_of_second_factors_breaks_with_another_key(client, person, settings, page):
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    RecoveryCodes.activate(person)
    settings.SECRET_KEY = OTHER
    client.force_login(person)
    for answer in (
        client.get(f"/admin/second-factor/{page}"),
        client.post(f"/admin/second-factor/{page}", {"code": "1"}),
    ):
        assert answer.status_code in (200, 302, 405, 503)


def test_a_session_of_an_earlier_key_goes_on_while_that_is_named(client, person, settings):
    client.force_login(person)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], OTHER
    assert client.get("/admin/").status_code == 200


def test_earlier_keys_are_read_from_the_environment():
    import os
    import subprocess
    import sys

    from tests.check import OURS, PRODUCTION
    from tests.config.test_deployment import ROOT

    say = "from config import settings as s; print(s.SECRET_KEY_FALLBACKS)"
    env = {name: value for name, value in os.environ.items() if name not in OURS} | PRODUCTION
    env["SECRET_KEY_FALLBACKS"] = "one,two"
    done = subprocess.run([sys.executable, "-c", say], cwd=ROOT, env=env, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "['one', 'two']"
