"""The cover letter: what is demanded, of whom, how many signed, how that was found out, and what is withheld.

Composed once as plain texts in one language (`compose`), then set as PDF (typst/letter.typ) and as ODT (odt.py).
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import msgspec
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from petitions.models import Disclosure
from signatures.delivery import typesetting
from signatures.delivery.packet import FileEntry, Manifest
from signatures.delivery.verifier import grouped
from signatures.models import Delivery
from web.i18n.cldr import country_name, day, number, sorting_key
from web.i18n.languages import known

#: Countries that are drawn as bars; all of them are in the table.
BARS = 12


class Fact(msgspec.Struct, frozen=True):
    label: str
    value: str


class Bar(msgspec.Struct, frozen=True):
    label: str
    value: str
    #: Of the longest bar.
    part: float


class Volume(msgspec.Struct, frozen=True):
    """One bound list of signers, as the letter counts them up."""

    name: str
    listed: str
    upto: str


class Heading(msgspec.Struct, frozen=True):
    title: str
    paragraphs: list[str]


class Demand(msgspec.Struct, frozen=True):
    number: str
    text: str
    explanation: str


class Letter(msgspec.Struct, frozen=True, rename="kebab"):
    """All that the letter says, in one language, each text ready to be set."""

    language: str
    sender: str
    contact: str
    addressee: list[str]
    date: str
    #: The same in ISO 8601.
    day: str
    reference_label: str
    reference: str
    subject: str
    opening: str
    demands: list[Demand]
    total: str
    total_label: str
    facts: list[Fact]
    sections: list[Heading]
    volumes_title: str
    volumes: list[Volume]
    signature: str
    annex_title: str
    countries_note: str
    countries_title: str
    bars: list[Bar]
    countries: list[Fact]
    checks_title: str
    checks: list[str]
    fingerprint: str
    files: list[Fact]


def compose(delivery: Delivery, manifest: Manifest, files: Sequence[FileEntry], language: str) -> Letter:
    """The letter of a delivery in that language. `files` are those whose checksums it prints."""
    with translation.override(language):
        return _composed(delivery, manifest, files, language)


def languages_of(delivery: Delivery) -> list[str]:
    """The addressee's language, then the campaign's; one where they are the same."""
    return list(
        dict.fromkeys(known(code) for code in (delivery.addressee.letters_in, delivery.campaign.language) if code)
    )


def _composed(delivery: Delivery, manifest: Manifest, files: Sequence[FileEntry], language: str) -> Letter:
    campaign, addressee, totals = delivery.campaign, delivery.addressee, manifest.totals
    demands = [
        Demand(number(demand.position), str(demand.text), str(demand.explanation)) for demand in campaign.demands.all()
    ]
    where = [str(addressee.name), str(addressee.institution), *addressee.address.splitlines()]
    if addressee.country:
        where.append(country_name(str(addressee.country)))
    return Letter(
        language=language,
        sender=str(campaign.responsible),
        contact=campaign.contact_email,
        addressee=[line for line in where if line],
        date=day(datetime.date.fromisoformat(manifest.built_at)),
        day=manifest.built_at,
        reference_label=_("Our reference"),
        reference=manifest.reference,
        subject=str(campaign.title),
        opening=_opening(totals.signatures, len(demands)),
        demands=demands,
        total=number(totals.signatures),
        total_label=ngettext("signature", "signatures", totals.signatures),
        facts=_facts(manifest),
        sections=[_how_found_out(), _what_is_withheld(delivery, manifest)],
        volumes_title=_("The volumes of the list"),
        volumes=_volumes(files),
        signature=_("For %s:") % campaign.responsible,
        annex_title=_("Annex"),
        countries_title=_("Countries"),
        countries_note=_("So that no figure can point at one person, a country is given from ten signatures on and in "
                         "tens. The rest is put together."),
        bars=_bars(manifest),
        countries=_countries(manifest),
        checks_title=_("How this packet is checked"),
        checks=_checks(),
        fingerprint=grouped(manifest.signed_by),
        files=[Fact(entry.name, entry.sha256) for entry in files],
    )  # fmt: skip


def _opening(total: int, demands: int) -> str:
    signed = ngettext(
        "%s person has signed this petition to you.", "%s people have signed this petition to you.", total
    )
    signed %= number(total)
    if not demands:
        return signed
    return signed + " " + ngettext("The demand is:", "The demands are:", demands)


def _facts(manifest: Manifest) -> list[Fact]:
    totals, span, period = manifest.totals, manifest.range, manifest.period
    # Those that are public: there may be more, of which too few have signed to be told of.
    facts = [Fact(_("Countries"), _("at least %s") % number(totals.countries))] if totals.countries else []
    if period.first:
        first, last = (day(datetime.date.fromisoformat(on)) for on in (period.first, period.last))
        facts.append(Fact(_("Signed"), first if first == last else f"{first} – {last}"))
    facts += [
        Fact(_("Numbers in the register"), f"{number(span.first)} – {number(span.last)}"),
        Fact(_("Of these taken back"), number(totals.gaps)),
    ]
    if manifest.profile != Disclosure.COUNT:
        facts.append(Fact(_("Listed one by one"), number(totals.listed)))
    if manifest.earlier:
        facts.append(Fact(_("Taken back since earlier packets"), number(manifest.amendments.withdrawn)))
    return facts


def _how_found_out() -> Heading:
    return Heading(
        _("How these signatures were confirmed and counted"),
        [
            _("Each signature was confirmed through a link that was sent to the signer’s own mailbox. Different "
              "spellings of one mailbox count as one, and a mailbox counts for no more persons than the petition "
              "allows. Numbers are given in the order of confirmation, without gaps, and never twice: this packet "
              "begins where the last one of its series ended."),
            _("Whoever took a signature back before this packet was sealed is not counted in it. Whoever does so "
              "later is named as an amendment in the next packet."),
        ],
    )  # fmt: skip


def _what_is_withheld(delivery: Delivery, manifest: Manifest) -> Heading:
    profile, listed = manifest.profile, manifest.totals.listed
    if profile == Disclosure.COUNT:
        said = [_("This packet holds totals only. It names nobody.")]
        if delivery.campaign.at_risk:
            said.append(_("The signers were promised that nobody would be named to you."))
    elif profile == Disclosure.FULL:
        said = [
            _(
                "Only comments that their authors did not agree to show are withheld: this packet is for verification "
                "by a trusted third party, and for nobody else."
            )
        ]
    else:
        said = [
            ngettext(
                "%s signer agreed to be shown to you and is listed; the others are counted only.",
                "%s signers agreed to be shown to you and are listed; the others are counted only.",
                listed,
            )
            % number(listed)
        ]
        said.append(
            _("Of each of them you are told the initials and the country; addresses and comments stay with us.")
            if profile == Disclosure.INITIALS
            else _("Of each of them you are told name, place, country and day; addresses and comments stay with us.")
        )
    return Heading(_("What is withheld, and why"), [" ".join(said)])  # fmt: skip


def _volumes(files: Sequence[FileEntry]) -> list[Volume]:
    bound = [entry for entry in files if entry.name.startswith("signers-") and entry.name.endswith(".pdf")]
    volumes, upto = [], 0
    for entry in bound:
        upto += entry.rows
        volumes.append(Volume(entry.name, number(entry.rows), number(upto)))
    return volumes


def _bars(manifest: Manifest) -> list[Bar]:
    shown = manifest.by_country[:BARS]
    longest = max((country.count for country in shown), default=1)
    return [Bar(country_name(c.code), number(c.count), c.count / longest) for c in shown]


def _countries(manifest: Manifest) -> list[Fact]:
    """In the order of the alphabet, as one looks a country up; the merged rest last."""
    named = sorted(
        ((country_name(country.code), country.count) for country in manifest.by_country),
        key=lambda entry: sorting_key(entry[0]),
    )
    rest = [(_("All others together"), manifest.other)] if manifest.other else []
    return [Fact(name, number(count)) for name, count in [*named, *rest]]


def _checks() -> list[str]:
    address = f"{settings.SITE_URL}/signing-key/"
    return [
        _("Every file of this packet has a checksum in its manifest, and the manifest carries our signature "
          "(Ed25519). The program verify.py, in the packet and on our web site, checks all of it; it needs Python "
          "and nothing else."),
        _("Our key has the fingerprint below. The same one is on our web site: %s") % address,
    ]  # fmt: skip


def letter_pdf(letter: Letter) -> bytes:
    """The letter, ready to print."""
    return typesetting.typeset("letter.typ", _legible(msgspec.to_builtins(letter)), letter.language)


def _legible[T](value: T) -> T:
    """All texts in it as they can be printed."""
    if isinstance(value, str):
        return typesetting.legible(value)  # type: ignore[return-value]
    if isinstance(value, list):
        return [_legible(item) for item in value]  # type: ignore[return-value]
    if isinstance(value, dict):
        return {key: _legible(item) for key, item in value.items()}  # type: ignore[return-value]
    return value
