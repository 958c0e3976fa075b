"""Pages that an organisation must have: what they say is configured, and no campaign opens without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from petitions.desk.lifecycle import STEPS, missing_pages, why_not
from petitions.models import Campaign, Demand
from petitions.starting_texts import starting_text
from signatures.desk.home import tasks_of
from staff.models import AuditEntry, Role
from tests.support.fixtures import SiteClient
from web.facts import FACTS, TITLES, unknown_facts
from web.i18n.languages import LANGUAGES
from web.identities import forget_identities
from web.models import Identity, Section, StandingPage
from web.page_cache import clear_page_cache

ADD = "/admin/web/standingpage/add/"


def page_of(client: SiteClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def named(section: Section) -> Identity:
    Section.objects.filter(pk=section.pk).update(postal_address="12 High Street\nAldermere")
    return Identity.objects.create(section=section, name="Aldermere Rights Watch", contact_email="we@aldermere.example")


def test_each_kind_begins_with_a_text_whose_facts_there_are() -> None:
    for kind in StandingPage.Kind:
        assert kind in TITLES
        for language in LANGUAGES:
            text = starting_text(kind, language.code)
            assert unknown_facts(text) == []
        assert len(starting_text(kind)) > 100


def test_a_page_says_what_is_configured_now(
    client: SiteClient, named: Identity, section: Section, settings: Any
) -> None:
    text = " ".join(f"[[{name}]]" for name in FACTS) + " [[nonsense]]"
    StandingPage.objects.filter(section=section, kind="privacy").update(text=text)
    page = page_of(client, "/privacy/")
    assert "Aldermere Rights Watch 12 High Street" not in page
    assert "12 High Street<br" in page
    assert '<a href="mailto:we@aldermere.example" rel="noopener noreferrer">we@aldermere.example</a>' in page
    assert f" {settings.PENDING_DAYS} " in page
    assert "[[nonsense]]" in page
    settings.PENDING_DAYS = 7
    clear_page_cache()
    assert " 7 " in page_of(client, "/privacy/")


@pytest.mark.parametrize("kind", ["about", "help", "contact", "accessibility"])
def test_what_nobody_has_written_is_not_there_and_nothing_leads_to_it(
    client: SiteClient, section: Section, kind: str
) -> None:
    assert client.get(f"/{kind}/").status_code == 404
    assert f'href="/{kind}/"' not in page_of(client, "/")
    assert 'href="/privacy/"' in page_of(client, "/")
    assert 'href="/de/imprint/"' in page_of(client, "/de/")


def test_a_section_beside_others_has_pages_of_its_own_and_the_installations_where_it_lacks_one(
    client: SiteClient, named: Identity, other_section: Section, make_campaign: Callable[..., Campaign]
) -> None:
    StandingPage.objects.create(section=other_section, kind="imprint", text="Of the branch.")
    theirs = make_campaign(section=other_section)
    page = page_of(client, theirs.get_absolute_url())
    assert f'href="/s/{other_section.slug}/imprint/"' in page
    assert 'href="/privacy/"' in page
    assert "Of the branch." in page_of(client, f"/s/{other_section.slug}/imprint/")
    assert "Of the branch." not in page_of(client, "/imprint/")


def test_a_section_at_a_host_of_its_own_has_its_pages_at_the_root(
    client: SiteClient, other_section: Section, section: Section, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    Identity.objects.create(section=other_section, name="Branch", host="branch.example")
    StandingPage.objects.create(section=other_section, kind="imprint", text="Of the branch.")
    there = client.get("/imprint/", headers={"host": "branch.example"}).content.decode()
    assert ("Of the branch." in there, "Of the branch." in page_of(client, "/imprint/")) == (True, False)


@pytest.mark.parametrize("missing", ["privacy", "imprint"])
def test_no_campaign_opens_without_the_pages_and_it_is_said_which(
    make_campaign: Callable[..., Campaign], section: Section, staff: Callable[..., User], missing: str
) -> None:
    draft = make_campaign(state="review", background="Why.")
    Demand.objects.create(campaign=draft, position=1, text="Open it.")
    moderator = staff(Role.MODERATOR)
    assert why_not(draft, STEPS["open"], moderator) == ""
    StandingPage.objects.filter(kind=missing).delete()
    assert str(TITLES[missing]) in why_not(draft, STEPS["open"], moderator)
    assert missing_pages(section) == [missing]


def test_no_campaign_opens_without_somebody_to_write_to(
    make_campaign: Callable[..., Campaign], section: Section, staff: Callable[..., User]
) -> None:
    draft = make_campaign(state="review", background="Why.", contact_email="")
    Demand.objects.create(campaign=draft, position=1, text="Open it.")
    moderator = staff(Role.MODERATOR)
    assert "contact e-mail" in why_not(draft, STEPS["open"], moderator)
    Identity.objects.create(section=section, name="A", contact_email="we@aldermere.example")
    assert why_not(draft, STEPS["open"], moderator) == ""


def test_a_page_begins_with_its_text_and_comes_with_translations(
    named: Identity, section: Section, staff: Callable[..., User], staff_client: Callable[[User], SiteClient]
) -> None:
    desk = staff_client(staff(Role.CAMPAIGNER))
    form = desk.get(ADD, {"section": section.pk, "kind": "contact"}).content.decode()
    assert "[[contact_email]]" in form
    given = {"section": section.pk, "kind": "contact", "language": "en", "text": starting_text("contact")}
    assert desk.post(ADD, given).status_code == 302
    made = StandingPage.objects.get(kind="contact")
    assert set(made.translations) == {lang.code for lang in LANGUAGES if starting_text("contact", lang.code)} - {"en"}
    assert AuditEntry.objects.filter(action="page.added", section=section).exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [("We are [[nam]].", "[[nam]]"), ("Call [[contact_phone]].", "[[contact_phone]] is not set"), ("<b>x</b>", "HTML")],
)
def test_a_text_whose_facts_nobody_knows_is_refused(
    named: Identity, section: Section, staff: Callable[..., User], staff_client: Any, text: str, said: str
) -> None:
    desk = staff_client(staff(Role.CAMPAIGNER))
    refused = desk.post(ADD, {"section": section.pk, "kind": "help", "language": "en", "text": text})
    assert said in refused.content.decode()
    assert not StandingPage.objects.filter(kind="help").exists()


def test_where_no_section_is_there_yet_the_site_answers_all_the_same(client: SiteClient) -> None:
    Section.objects.all().delete()
    forget_identities()
    assert client.get("/").status_code == 200
    assert client.get("/privacy/").status_code == 404


def test_an_administrators_desk_lists_what_an_installation_begins_with_until_it_is_done(
    section: Section, staff: Callable[..., User], make_campaign: Callable[..., Campaign]
) -> None:
    administrator = staff(Role.ADMINISTRATOR)
    begun = [task.what for task in tasks_of(administrator)]
    assert "Set up how the site meets its readers" in begun
    assert f"Contact: {section}" in begun
    assert f"Privacy notice: {section}" not in begun
    Identity.objects.create(section=section, name="Aldermere Rights Watch")
    for kind in ("about", "accessibility", "help", "contact"):
        StandingPage.objects.create(section=section, kind=kind, text="It says so.")
    forget_identities()
    left = [task.what for task in tasks_of(administrator)]
    assert not [what for what in left if what.endswith(str(section)) or "readers" in what]
    StandingPage.objects.filter(kind="imprint").delete()
    forget_identities()
    task = next(task for task in tasks_of(administrator) if task.what == f"Imprint: {section}")
    assert task.urgent
    assert task.url == f"/admin/web/standingpage/add/?section={section.pk}&kind=imprint"
    assert not [task for task in tasks_of(staff(Role.MODERATOR)) if task.what == f"Imprint: {section}"]
