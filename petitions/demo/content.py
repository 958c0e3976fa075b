"""Puts content.toml into the database, as often as one likes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from django.db import transaction

from petitions.demo.artwork import queue, windows
from petitions.demo.translate import translate
from petitions.models import Addressee, Campaign, Coverage, Demand, Dossier, Picture, Update
from web.models import Section

PETITION = "belarus-right-to-protest"
LOCAL_PETITION = "aldermere-library-hours"

DRAWINGS: Final = {"queue": queue, "windows": windows}

#: Set when the campaign is made and never again. Keys, opening and narrowing of disclosure are decided
#: elsewhere, and a second run that put them back would reopen what was closed and widen what was narrowed.
_SET_ONCE = ("launched_on", "opens_at", "closes_at", "at_risk", "disclosure", "goal", "addressee", "section")


@dataclass(frozen=True, slots=True)
class Content:
    """What load() made or found: `petition` is at risk, the signers of `local_petition` may be named."""

    petition: Campaign
    local_petition: Campaign
    dossier: Dossier
    third_party: Addressee


@transaction.atomic
def load() -> Content:
    """Create the demo's content, or bring its texts up to date with content.toml and its translations.

    New campaigns are drafts without keys: whoever calls this opens them once a worker has made their keys.
    What is there keeps its state, dates, addressee, goal, risk and disclosure. Nothing is deleted.
    """
    content = _read()
    addressees = {key: _addressee(entry) for key, entry in content["addressees"].items()}
    sections = {slug: _section(slug, entry) for slug, entry in content["sections"].items()}
    campaigns = {entry["slug"]: _campaign(entry, addressees, sections) for entry in content["campaigns"]}
    dossiers = [_dossier(entry, campaigns) for entry in content["dossiers"]]
    translate(campaigns[PETITION], dossiers[0])
    return Content(campaigns[PETITION], campaigns[LOCAL_PETITION], dossiers[0], addressees["notary"])


def hang_pictures() -> None:
    """Draw the demo's pictures and give each to its campaign, where there is none yet. Takes some seconds."""
    for entry in _read()["pictures"]:
        campaign = Campaign.objects.filter(slug=entry["campaign"], picture=None).first()
        if campaign is None:
            continue
        picture = Picture(section=campaign.section, **_stripped(entry, without=("campaign", "drawing")))
        picture.develop(DRAWINGS[entry["drawing"]](), "drawing.png")
        picture.save()
        Campaign.objects.filter(pk=campaign.pk).update(picture=picture)
    translate(Campaign.objects.get(slug=PETITION), Dossier.objects.get(campaigns__slug=PETITION))


def _read() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("content.toml").read_text(encoding="utf-8"))


def _addressee(entry: dict[str, Any]) -> Addressee:
    key = {"name": entry["name"], "institution": entry["institution"]}
    return Addressee.objects.update_or_create(**key, defaults=_stripped(entry))[0]


def _section(slug: str, entry: dict[str, Any]) -> Section:
    return Section.objects.update_or_create(slug=slug, defaults=entry)[0]


def _campaign(entry: dict[str, Any], addressees: dict[str, Addressee], sections: dict[str, Section]) -> Campaign:
    fields = _stripped(entry, without=("slug", "demands", "updates"))
    fields |= {"addressee": addressees[entry["addressee"]], "section": sections[entry["section"]]}
    campaign, _ = Campaign.objects.update_or_create(
        slug=entry["slug"],
        defaults={name: value for name, value in fields.items() if name not in _SET_ONCE},
        create_defaults={**fields, "state": Campaign.State.DRAFT},
    )
    for position, demand in enumerate(entry["demands"], start=1):
        Demand.objects.update_or_create(campaign=campaign, position=position, defaults=_stripped(demand))
    for update in entry["updates"]:
        Update.objects.update_or_create(
            campaign=campaign, slug=update["slug"], defaults=_stripped(update, without=("slug",))
        )
    return campaign


def _dossier(entry: dict[str, Any], campaigns: dict[str, Campaign]) -> Dossier:
    fields = _stripped(entry, without=("slug", "campaigns", "coverage"))
    dossier, _ = Dossier.objects.update_or_create(slug=entry["slug"], defaults=fields)
    dossier.campaigns.add(*(campaigns[slug] for slug in entry["campaigns"]))
    for item in entry["coverage"]:
        Coverage.objects.update_or_create(dossier=dossier, url=item["url"], defaults=_stripped(item))
    return dossier


def _stripped(entry: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The entry's fields, without the line end that TOML leaves around long texts."""
    return {k: v.strip() if isinstance(v, str) else v for k, v in entry.items() if k not in without}
