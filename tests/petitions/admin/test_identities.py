"""An administrator sets up how a section meets its readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from staff.models import AuditEntry, Role
from tests.support.fixtures import SiteClient
from web.identities import forget_identities
from web.models import Identity, Section

ADD = "/admin/web/identity/add/"


@pytest.fixture
def desk(staff: Callable[..., User], staff_client: Callable[[User], SiteClient]) -> SiteClient:
    return staff_client(staff(Role.ADMINISTRATOR))


def filled_in(section: Section, **given: str) -> dict[str, Any]:
    return {"section": section.pk, "language": "en", "name": "Aldermere Rights Watch", "host": ""} | given


def test_what_is_saved_shows_at_once_and_is_written_down(desk: SiteClient, section: Section) -> None:
    assert desk.post(ADD, filled_in(section, colour="#0B5FA5", footer_links="Us /about/")).status_code == 302
    made = Identity.objects.get()
    assert (made.name, made.colour, made.host) == ("Aldermere Rights Watch", "#0b5fa5", None)
    entry = AuditEntry.objects.get(action="identity.added")
    assert (entry.section, entry.detail["now"]["name"]) == (section, "Aldermere Rights Watch")
    forget_identities()
    assert "Aldermere Rights Watch" in desk.get("/admin/").content.decode()


def test_a_host_that_the_site_does_not_answer_at_is_refused_with_who_can_help(
    desk: SiteClient, section: Section, settings: Any
) -> None:
    settings.SECTION_HOSTS = ["aldermere.example"]
    refused = desk.post(ADD, filled_in(section, host="evil.example"))
    assert refused.status_code == 200
    assert "SECTION_HOSTS" in refused.content.decode()
    assert not Identity.objects.exists()
    desk.post(ADD, filled_in(section, host="aldermere.example"))
    assert Identity.objects.get().host == "aldermere.example"


def test_two_sections_cannot_have_one_address(
    desk: SiteClient, section: Section, other_section: Section, settings: Any
) -> None:
    settings.SECTION_HOSTS = ["aldermere.example"]
    Identity.objects.create(section=other_section, name="First", host="aldermere.example")
    assert desk.post(ADD, filled_in(section, host="aldermere.example")).status_code == 200
    assert Identity.objects.count() == 1


def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(desk: SiteClient, section: Section) -> None:
    page = desk.post(
        ADD, filled_in(section, colour="#ffcc00", lead="We act.", social_accounts="x.com/us")
    ).content.decode()
    assert "The nearest shade that is not: #" in page
    assert "This line is no address that begins with https://: x.com/us" in page
    assert "We act." in page
