"""Nobody loses what they typed to a session that ended or a token that is old; a page that asks by itself is nobody."""

from __future__ import annotations

import datetime
import html
import re
import time
from typing import Any

import pytest

from petitions.models import Campaign
from staff.login.sessions import BEGAN, SEEN
from staff.models import Role
from tests.support.fixtures import SiteClient

OURS = {"HTTP_SEC_FETCH_SITE": "same-origin"}
TYPED = {"title": "Two words", "lead": 'Three <b> "words"\r\n\r\nand a line', "tags": ["one", "two"]}


@pytest.fixture
def desk(staff: Any, staff_client: Any) -> SiteClient:
    return staff_client(staff(Role.CAMPAIGNER))


@pytest.fixture
def form(campaign: Campaign) -> str:
    return f"/admin/petitions/campaign/{campaign.pk}/change/?language=pl"


def left_alone(client: SiteClient, seconds: float) -> None:
    session = client.session
    session[SEEN] = session[BEGAN] = time.time() - seconds
    session.save()


def fields_of(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<textarea name="([^"]+)" hidden>\n(.*?)</textarea>', page, re.DOTALL)
    return [(name, html.unescape(value)) for name, value in found]


def test_what_was_typed_is_still_there_after_an_idle_logout(desk: SiteClient, form: str) -> None:
    left_alone(desk, 3600)
    answer = desk.post(form, TYPED, **OURS)
    assert answer.status_code == 403
    assert fields_of(answer.text) == [
        ("title", "Two words"), ("lead", TYPED["lead"]), ("tags", "one"), ("tags", "two")
    ]  # fmt: skip
    assert f'action="{html.escape(form)}"' in answer.text
    assert 'target="_blank"' in answer.text
    assert answer["Cache-Control"].count("no-store") == 1
    # Somebody else at this device gets nowhere with it.
    assert desk.get(form).status_code == 302


def test_what_was_typed_is_still_there_where_another_tab_logged_out(form: str, client: SiteClient) -> None:
    answer = client.post(form, TYPED, **OURS)
    assert answer.status_code == 403
    assert ("title", "Two words") in fields_of(answer.text)


def test_a_form_of_before_a_second_login_is_sent_again_with_one_click(staff: Any, form: str) -> None:
    desk = SiteClient(enforce_csrf_checks=True)
    desk.force_login(staff(Role.CAMPAIGNER))
    old = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)', desk.get(form).text)[0]
    desk.cookies["csrftoken"] = "a" * 32  # as a login in another tab leaves it
    answer = desk.post(form, {**TYPED, "csrfmiddlewaretoken": old}, **OURS)
    assert answer.status_code == 403
    assert "CSRF" not in answer.text
    assert "Save what I typed" in answer.text
    assert "Log in" not in answer.text
    fresh = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)', answer.text)[0]
    again = desk.post(form, {**dict(fields_of(answer.text)), "csrfmiddlewaretoken": fresh}, **OURS)
    assert again.status_code == 200  # the form itself, with its own mistakes


@pytest.mark.parametrize(
    "sender",
    [{"HTTP_SEC_FETCH_SITE": "cross-site"}, {"HTTP_SEC_FETCH_SITE": "same-site"}, {"HTTP_SEC_FETCH_SITE": "none"},
     {"HTTP_ORIGIN": "https://evil.example"}, {"HTTP_ORIGIN": "null"}, {"HTTP_REFERER": "https://evil.example/x"}, {}],
)  # fmt: skip
def test_another_sites_text_is_never_offered_to_be_sent(form: str, sender: dict[str, str], staff: Any) -> None:
    logged_in = SiteClient(enforce_csrf_checks=True)
    logged_in.force_login(staff(Role.CAMPAIGNER))
    for client in (SiteClient(), logged_in):
        assert b"Two words" not in client.post(form, TYPED, **sender).content


def test_passwords_and_codes_are_never_shown_again(client: SiteClient, desk: SiteClient, form: str) -> None:
    left_alone(desk, 3600)
    answer = desk.post("/admin/password_change/", {"oldpassword": "geheim eins", "x": "geheim zwei"}, **OURS)
    assert "geheim" not in answer.text
    left_alone(desk, 3600)
    answer = client.post(form, {**TYPED, "new_password1": "geheim drei", "otp_code": "geheim 4"}, **OURS)
    assert "Two words" in answer.text
    assert "geheim" not in answer.text


def test_a_page_that_asks_by_itself_keeps_nobody_logged_in(staff: Any, staff_client: Any) -> None:
    moderator = staff_client(staff(Role.MODERATOR))
    page = "/admin/signatures/ruling/"
    left_alone(moderator, 1000)
    before = moderator.session[SEEN]
    moderator.get(page, HTTP_X_POLL="1")
    assert moderator.session[SEEN] == before
    moderator.get(page)
    assert moderator.session[SEEN] > before


def test_typing_keeps_the_session_and_asking_does_not(desk: SiteClient) -> None:
    left_alone(desk, 1000)
    asked = desk.get("/admin/session/", HTTP_X_POLL="1").json()
    assert 795 < asked["left"] <= 800
    assert desk.post("/admin/session/", HTTP_X_POLL="1").json()["left"] > 1790
    left_alone(desk, 3600)
    assert desk.post("/admin/session/").json()["left"] == 0
    assert desk.get("/admin/session/").json()["left"] == 0


def test_a_short_idle_limit_is_kept_by_typing(desk: SiteClient, settings: Any) -> None:
    settings.STAFF_IDLE = datetime.timedelta(minutes=1)
    left_alone(desk, 20)
    assert desk.post("/admin/session/").json()["left"] > 55


def test_nobody_typing_for_ever_outlasts_a_working_day(desk: SiteClient, settings: Any) -> None:
    session = desk.session
    session[BEGAN], session[SEEN] = time.time() - settings.SESSION_COOKIE_AGE - 1, time.time()
    session.save()
    assert desk.post("/admin/session/").json()["left"] == 0


def test_who_is_not_logged_in_learns_only_that(client: SiteClient) -> None:
    said = client.get("/admin/session/")
    assert said.json()["left"] == 0
    assert "sessionid" not in client.cookies


def test_only_what_opens_in_a_frame_of_the_desk_may_be_framed_by_the_desk(desk: SiteClient) -> None:
    framed = desk.get("/admin/petitions/addressee/add/?_popup=1")
    assert framed["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in framed["Content-Security-Policy"]
    page = desk.get("/admin/petitions/addressee/add/")
    assert page["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert "frame-src 'self'" in page["Content-Security-Policy"]
