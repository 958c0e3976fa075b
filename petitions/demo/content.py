"""Puts content.toml into the database, once: what people then write, change or take away in the demo stays so."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any, Final

from django.db import transaction

from petitions.demo.artwork import queue, windows
from petitions.demo.translate import translate, translate_picture
from petitions.models import Addressee, Campaign, Coverage, Demand, Dossier, Picture, Update
from petitions.starting_texts import starting_text, translate_as_offered
from web.models import Identity, Section, StandingPage
from web.models.identity import NAMELESS

PETITION = "belarus-right-to-protest"
LOCAL_PETITION = "aldermere-library-hours"

DRAWINGS: Final = {"queue": queue, "windows": windows}


@transaction.atomic
def load() -> None:
    """Create the demo's content, all of it or nothing; where it was made before, nothing is touched.

    PETITION is at risk, the signers of LOCAL_PETITION may be named. Both are drafts without keys: whoever calls this
    opens them once a worker has made their keys.
    """
    if Campaign.objects.filter(slug__in=[PETITION, LOCAL_PETITION]).exists():
        return
    content = _read()
    addressees = {key: _addressee(entry) for key, entry in content["addressees"].items()}
    sections = {slug: _section(slug, entry) for slug, entry in content["sections"].items()}
    campaigns = {entry["slug"]: _campaign(entry, addressees, sections) for entry in content["campaigns"]}
    dossiers = [_dossier(entry, campaigns) for entry in content["dossiers"]]
    translate(campaigns[PETITION], dossiers[0])


def hang_pictures() -> None:
    """Draw the demo's pictures and give each to its campaign, where there is none yet. Takes some seconds."""
    for entry in _read()["pictures"]:
        campaign = Campaign.objects.filter(slug=entry["campaign"], picture=None).first()
        if campaign is None:
            continue
        picture = Picture(section=campaign.section, **_stripped(entry, without=("campaign", "drawing")))
        picture.develop(DRAWINGS[entry["drawing"]](), "drawing.png")
        if campaign.slug == PETITION:
            translate_picture(picture)
        picture.save()
        Campaign.objects.filter(pk=campaign.pk).update(picture=picture)


def _read() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("content.toml").read_text(encoding="utf-8"))


def _addressee(entry: dict[str, Any]) -> Addressee:
    return Addressee.objects.create(**_stripped(entry))


def _section(slug: str, entry: dict[str, Any]) -> Section:
    fields = _stripped(entry, without=("contact_email",))
    section = Section.objects.update_or_create(slug=slug, defaults=fields)[0]  # one may be there from the beginning
    if "contact_email" in entry:
        Identity.objects.create(section=section, name=NAMELESS, contact_email=entry["contact_email"])
        for kind in StandingPage.Kind:
            page = StandingPage(section=section, kind=kind, text=starting_text(kind))
            translate_as_offered(page)
            page.save()
    return section


def _campaign(entry: dict[str, Any], addressees: dict[str, Addressee], sections: dict[str, Section]) -> Campaign:
    fields = _stripped(entry, without=("slug", "demands", "updates"))
    fields |= {"addressee": addressees[entry["addressee"]], "section": sections[entry["section"]]}
    campaign = Campaign.objects.create(slug=entry["slug"], state=Campaign.State.DRAFT, **fields)
    for position, demand in enumerate(entry["demands"], start=1):
        Demand.objects.create(campaign=campaign, position=position, **_stripped(demand))
    for update in entry["updates"]:
        Update.objects.create(campaign=campaign, **_stripped(update))
    return campaign


def _dossier(entry: dict[str, Any], campaigns: dict[str, Campaign]) -> Dossier:
    fields = _stripped(entry, without=("slug", "campaigns", "coverage"))
    dossier = Dossier.objects.create(slug=entry["slug"], **fields)
    dossier.campaigns.add(*(campaigns[slug] for slug in entry["campaigns"]))
    for item in entry["coverage"]:
        Coverage.objects.create(dossier=dossier, **_stripped(item))
    return dossier


def _stripped(entry: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The entry's fields, without the line end that TOML leaves around long texts."""
    return {k: v.strip() if isinstance(v, str) else v for k, v in entry.items() if k not in without}
