"""Two people at one form: the second is told, sees both, and undoes nothing of the first."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petitions.models import Addressee, Campaign, Demand, Dossier, Update
from staff.concurrent_edits import digest, read_seen
from staff.models import Role
from tests.support.fixtures import SiteClient


class Tab:
    """A form as one person has it open, with what they change in it."""

    def __init__(self, client: SiteClient, url: str) -> None:
        self.client, self.url = client, url
        self.fields = _fields_of(client.get(url).text)

    def save(self, **typed: Any) -> Any:
        return self.client.post(self.url, {**self.fields, **{k.replace("__", "-"): v for k, v in typed.items()}})


def _fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the page's form."""
    form = page[page.index('method="post"') :]
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        kind = given.get("type", "text")
        if (
            "name" not in given
            or kind in {"submit", "file"}
            or (kind == "checkbox" and not re.search(r"\schecked[\s>]", tag))
        ):
            continue
        fields[given["name"]] = html.unescape(given.get("value", "on" if kind == "checkbox" else ""))
    for name, body in re.findall(r'<textarea name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', form, re.DOTALL):
        fields[name] = html.unescape(body).replace("\n", "\r\n")
    for name, body in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.findall(r'<option value="([^"]*)"[^>]*selected', body)
        fields[name] = html.unescape(chosen[0]) if chosen else ""
    return {name: value for name, value in fields.items() if "__prefix__" not in name and not name.startswith("_")}


@pytest.fixture
def tabs(campaign: Campaign, staff: Any, staff_client: Any) -> Any:
    Campaign.objects.filter(pk=campaign.pk).update(state="draft", opens_at=None, closes_at=None)
    one, other = (staff_client(staff(Role.CAMPAIGNER, username=name)) for name in ("anna", "bela"))

    def open_both(url: str) -> tuple[Tab, Tab]:
        return Tab(one, url), Tab(other, url)

    return open_both


def url_of(row: Any) -> str:
    return f"/admin/petitions/{row._meta.model_name}/{row.pk}/change/"


def test_what_another_changed_elsewhere_in_the_form_stays(tabs: Any, campaign: Campaign) -> None:
    demand = Demand.objects.create(campaign=campaign, position=1, text="Open until eight.")
    anna, bela = tabs(url_of(campaign))
    assert anna.save(lead="Anna’s lead.").status_code == 302
    answer = bela.save(demands__0__text="Open until nine.")
    assert answer.status_code == 302, answer.text
    campaign.refresh_from_db()
    demand.refresh_from_db()
    assert (campaign.lead, demand.text) == ("Anna’s lead.", "Open until nine.")
    assert "kept as they left it: Lead" in bela.client.get(answer["Location"]).text


def test_of_what_both_changed_the_second_sees_both_and_decides(tabs: Any, campaign: Campaign) -> None:
    anna, bela = tabs(url_of(campaign))
    anna.save(lead="Anna’s\r\n\r\nlead.")
    answer = bela.save(lead="Bela’s lead.")
    assert answer.status_code == 200
    assert "Anna’s\n\nlead." in html.unescape(answer.text).replace("\r\n", "\n")
    assert "Bela’s lead." in answer.text
    campaign.refresh_from_db()
    assert campaign.lead.startswith("Anna’s")
    bela.fields = _fields_of(answer.text)
    assert bela.save().status_code == 302
    campaign.refresh_from_db()
    assert campaign.lead == "Bela’s lead."


def test_a_mistake_in_between_does_not_bring_back_what_was_before(tabs: Any, campaign: Campaign) -> None:
    """The form comes again for another reason: what it was opened with is still what it is compared with."""
    anna, bela = tabs(url_of(campaign))
    anna.save(lead="Anna’s lead.")
    answer = bela.save(title="")
    assert answer.status_code == 200
    bela.fields = _fields_of(answer.text)
    assert bela.save(title="Bela’s title").status_code == 302
    campaign.refresh_from_db()
    assert (campaign.title, campaign.lead) == ("Bela’s title", "Anna’s lead.")


def test_a_demand_that_both_changed_is_told_beside_it(tabs: Any, campaign: Campaign) -> None:
    for position in (1, 2):
        Demand.objects.create(campaign=campaign, position=position, text=f"Demand {position}.")
    anna, bela = tabs(url_of(campaign))
    anna.save(demands__1__text="Anna’s second.")
    answer = bela.save(demands__1__text="Bela’s second.", demands__0__text="Bela’s first.")
    assert answer.status_code == 200
    assert "Anna’s second." in answer.text
    assert [demand.text for demand in campaign.demands.all()] == ["Demand 1.", "Anna’s second."]


def test_the_same_change_by_both_is_none(tabs: Any, campaign: Campaign) -> None:
    anna, bela = tabs(url_of(campaign))
    assert anna.save(topic="Libraries").status_code == 302
    assert bela.save(topic="Libraries", region="North").status_code == 302


@pytest.mark.parametrize("what", ["addressee", "update", "dossier"])
def test_every_form_of_content_tells(tabs: Any, campaign: Campaign, what: str) -> None:
    row: Any = {
        "addressee": lambda: campaign.addressee,
        "update": lambda: Update.objects.create(campaign=campaign, slug="u", title="Old", lead="Lead."),
        "dossier": lambda: Dossier.objects.create(slug="d", title="Old", lead="Lead."),
    }[what]()
    name = "name" if isinstance(row, Addressee) else "title"
    anna, bela = tabs(url_of(row))
    assert anna.save(**{name: "By Anna"}).status_code == 302
    answer = bela.save(**{name: "By Bela"})
    assert answer.status_code == 200
    assert "By Anna" in answer.text


def test_campaigns_of_a_dossier_that_another_added_stay(tabs: Any, campaign: Campaign, make_campaign: Any) -> None:
    other = make_campaign(slug="other")
    dossier = Dossier.objects.create(slug="d", title="Old", lead="Lead.")
    anna, bela = tabs(url_of(dossier))
    assert anna.save(campaigns=[str(other.pk)]).status_code == 302
    assert bela.save(title="By Bela").status_code == 302
    assert list(dossier.campaigns.all()) == [other]


def test_of_two_who_translate_the_second_empties_nothing(tabs: Any, campaign: Campaign) -> None:
    Demand.objects.create(campaign=campaign, position=1, text="Open until eight.")
    anna, bela = tabs(f"/admin/petitions/campaign/{campaign.pk}/translations/?language=pl")
    assert anna.save(**{f"campaign-{campaign.pk}-title": "Tytuł Anny"}).status_code == 302
    assert bela.save(**{f"campaign-{campaign.pk}-lead": "Wstęp Beli"}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.translations == {"pl": {"title": "Tytuł Anny", "lead": "Wstęp Beli"}}
    answer = bela.save(**{f"campaign-{campaign.pk}-title": "Tytuł Beli"})
    assert answer.status_code == 200
    assert "Tytuł Anny" in answer.text
    bela.fields = _fields_of(answer.text)
    assert bela.save().status_code == 302
    campaign.refresh_from_db()
    assert campaign.translations["pl"]["title"] == "Tytuł Beli"


def test_a_form_without_its_hidden_field_is_taken_as_before(tabs: Any, campaign: Campaign) -> None:
    anna, bela = tabs(url_of(campaign))
    anna.save(lead="Anna’s lead.")
    assert bela.save(seen="", lead="Bela’s lead.").status_code == 302


@given(st.one_of(st.text(), st.builds(json.dumps, st.recursive(st.none() | st.text() | st.integers(), st.lists))))
def test_nonsense_in_the_hidden_field_is_nothing(said: str) -> None:
    assert all(isinstance(value, str) for value in read_seen({"seen": said}).values())


@given(st.text())
def test_line_ends_and_blanks_around_a_text_make_no_difference(text: str) -> None:
    text = text.replace("\r", "")
    assert digest(f" {text}\n") == digest(text.replace("\n", "\r\n"))
