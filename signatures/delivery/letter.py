"""The cover letter: what is handed over and demanded, how many signed, by when an answer is asked for. Its annex says
how that was found out; its last page is the receipt that the office gives back.

Composed once as plain texts in one language (`compose`), then set as PDF (typst/letter.typ) and as ODT (odt.py).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Final

import msgspec
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from petitions.models import Disclosure, Letterhead
from signatures.delivery import typesetting
from signatures.delivery.packet import FileEntry, Manifest
from signatures.delivery.verifier import grouped
from signatures.models import Delivery, LetterTexts, read_letter
from web.i18n.cldr import country_name, day, listing, number, sorting_key

#: Countries that are drawn as bars; all of them are in the table.
BARS: Final = 12
#: Numbers to strike that the letter says itself; more of them stand in amendments.pdf.
STRIKES: Final = 40
#: How long somebody who verifies may keep what tells of persons.
KEPT_BY_THIRD_PARTIES: Final = datetime.timedelta(days=90)
#: Millimetres that a logo has at most, width and height.
_LOGO: Final = (60, 14)
#: By when an answer is asked for.
ANSWER_WITHIN: Final = datetime.timedelta(days=30)


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


class Logo(msgspec.Struct, frozen=True):
    """A picture at the letter's head: PNG, with its size in pixels."""

    png: bytes
    width: int
    height: int

    @property
    def millimetres(self) -> tuple[float, float]:
        """How wide and high it is on paper."""
        scale = min(_LOGO[0] / self.width, _LOGO[1] / self.height)
        return self.width * scale, self.height * scale


class Receipt(msgspec.Struct, frozen=True, rename="kebab"):
    """The slip that the office stamps and gives back."""

    title: str
    said: str
    #: What is filled in by hand, and where the stamp goes.
    blanks: list[str]
    stamp: str
    give_back: str


class Letter(msgspec.Struct, frozen=True, rename="kebab"):
    """All that the letter says, in one language, each text ready to be set."""

    language: str
    #: As PNG, with its size in pixels; None where the section has none.
    logo: Logo | None
    sender: str
    contact: str
    #: Of the letterhead, in one line.
    sender_address: str
    addressee: list[str]
    date: str
    #: The same in ISO 8601.
    day: str
    reference_label: str
    reference: str
    subject: str
    salutation: str
    opening: str
    pledge_title: str
    pledge: str
    demands_title: str
    demands: list[Demand]
    total: str
    total_label: str
    facts: list[Fact]
    #: What officers wrote, each a paragraph.
    words: list[str]
    #: What an office has to know or do, each a paragraph.
    notes: list[str]
    request: str
    reply_to: list[str]
    closing: str
    signature: str
    name_and_office: str
    enclosures_title: str
    enclosures: list[str]
    annex_title: str
    petition_title: str
    sections: list[Heading]
    volumes_title: str
    volumes: list[Volume]
    countries_note: str
    countries_title: str
    bars: list[Bar]
    countries: list[Fact]
    checks_title: str
    checks: list[str]
    fingerprint: str
    files: list[Fact]
    receipt: Receipt
    is_preview: bool = False


def compose(
    delivery: Delivery, manifest: Manifest, files: Sequence[FileEntry], language: str, *, preview: bool = False
) -> Letter:
    """The letter of a delivery in that language. `files` are those whose checksums it prints."""
    with translation.override(language):
        letter = _composed(delivery, manifest, files, language)
    return msgspec.structs.replace(letter, is_preview=preview)


def languages_of(delivery: Delivery) -> list[str]:
    """The addressee's language, then the campaign's; one where they are the same."""
    return delivery.letter_languages


def _composed(delivery: Delivery, manifest: Manifest, files: Sequence[FileEntry], language: str) -> Letter:
    campaign, addressee, totals = delivery.campaign, delivery.addressee, manifest.totals
    written = read_letter(delivery.letter)
    texts = written.texts.get(language, LetterTexts())
    demands = [
        Demand(number(demand.position), str(demand.text), str(demand.explanation)) for demand in campaign.demands.all()
    ]
    where = [str(addressee.name), str(addressee.institution), *addressee.address.splitlines()]
    if addressee.country:
        where.append(country_name(str(addressee.country)))
    return Letter(
        language=language,
        logo=_logo(delivery),
        sender=str(campaign.responsible),
        contact=campaign.contact_email,
        sender_address=" · ".join(_own_address(delivery)),
        addressee=[line for line in where if line],
        date=day(datetime.date.fromisoformat(manifest.built_at)),
        day=manifest.built_at,
        reference_label=_("Our reference"),
        reference=_("%(reference)s, packet %(n)s of this series")
        % {"reference": apart(manifest.reference), "n": number(len(manifest.earlier) + 1)},
        subject=str(campaign.title),
        salutation=texts.salutation or _("Dear Sir or Madam,"),
        opening=_opening(delivery, manifest),
        pledge_title=_("Each signer states:"),
        pledge=str(campaign.pledge),
        demands_title=ngettext("The demand is:", "The demands are:", len(demands)) if demands else "",
        demands=demands,
        total=number(totals.signatures),
        total_label=ngettext("new signature", "new signatures", totals.signatures)
        if manifest.earlier
        else ngettext("signature", "signatures", totals.signatures),
        facts=_facts(manifest),
        words=[part.strip() for part in re.split(r"\r?\n\s*\n", texts.words) if part.strip()],
        notes=_notes(delivery, manifest),
        request=_request(delivery, manifest, written.answer_by),
        reply_to=written.reply_to.splitlines()
        or [str(campaign.responsible), *_own_address(delivery), *filter(None, [campaign.contact_email])],
        closing=texts.closing or _("Yours faithfully,"),
        signature=_("For %s:") % campaign.responsible,
        name_and_office=", ".join(filter(None, [written.name, written.office])) or _("Name and office"),
        enclosures_title=_("Enclosures"),
        enclosures=_enclosures(manifest, files),
        annex_title=_("Annex"),
        petition_title=_petition_title(manifest),
        sections=[_how_found_out(delivery, manifest)],
        volumes_title=_("The volumes of the list"),
        volumes=_volumes(files),
        countries_title=_("Countries"),
        countries_note=_countries_note(delivery),
        bars=_bars(manifest),
        countries=_countries(delivery, manifest),
        checks_title=_("How this packet is checked"),
        checks=_checks(),
        fingerprint=grouped(manifest.signed_by),
        files=[Fact(entry.name, entry.sha256) for entry in files],
        receipt=_receipt(delivery, manifest),
    )  # fmt: skip


#: Around what goes its own way (Unicode: first strong isolate, pop directional isolate); people may type neither.
_ISOLATED: Final = "\u2068\u2069"


def apart(words: str) -> str:
    """Words within a sentence that may go another way than it: in a language from right to left, set apart from it, so
    that marks and figures beside them keep their places."""
    return f"{_ISOLATED[0]}{words}{_ISOLATED[1]}" if translation.get_language_bidi() else words


def is_third_party(delivery: Delivery) -> bool:
    """Whether the packet goes to somebody who verifies, and not to whom the petition is addressed."""
    return delivery.addressee_id != delivery.campaign.addressee_id


def confidential_until(delivery: Delivery, built_on: datetime.date) -> datetime.date | None:
    """By when whoever verifies has to destroy the packet; None where it may be kept."""
    if is_third_party(delivery) and delivery.holds_persons:
        return built_on + KEPT_BY_THIRD_PARTIES
    return None


def _logo(delivery: Delivery) -> Logo | None:
    found = Letterhead.objects.filter(section=delivery.campaign.section_id).first()
    return Logo(bytes(found.png), found.width, found.height) if found else None


def _own_address(delivery: Delivery) -> list[str]:
    return [line.strip() for line in delivery.campaign.section.postal_address.splitlines() if line.strip()]


def _opening(delivery: Delivery, manifest: Manifest) -> str:
    said = _what_is_handed_over(delivery, manifest)
    if is_third_party(delivery):
        return said
    title = apart(str(delivery.campaign.title))
    titled = _("We hereby hand over to you the signatures under the petition “%s”.") % title
    return f"{titled} {said}"


def _notes(delivery: Delivery, manifest: Manifest) -> list[str]:
    confirmed = _(
        "Each signature was confirmed through a link that was sent to the signer’s own mailbox; the annex says how "
        "they are counted."
    )
    return [
        *_confidential(delivery, manifest),
        *_changes(manifest),
        " ".join([confirmed, *_what_is_withheld(delivery, manifest)]),
    ]


def _request(delivery: Delivery, manifest: Manifest, answer_by: datetime.date | None) -> str:
    until = day(answer_by or datetime.date.fromisoformat(manifest.built_at) + ANSWER_WITHIN)
    if is_third_party(delivery):
        return _("Please send us the result of your verification by %s, to:") % until
    return _("We ask for your answer by %s, to:") % until


def _enclosures(manifest: Manifest, files: Sequence[FileEntry]) -> list[str]:
    volumes = len(_volumes(files))
    bound = ngettext("List of signers in %(n)s volume", "List of signers in %(n)s volumes", volumes)
    return [
        *([bound % {"n": number(volumes)}] if volumes else []),
        *([_("Numbers to strike")] if manifest.amendments.numbers else []),
        _("Annex"),
        _("Receipt"),
    ]


def _receipt(delivery: Delivery, manifest: Manifest) -> Receipt:
    total = manifest.totals.signatures
    said = ngettext(
        "We have received packet %(reference)s of %(day)s with %(n)s signature under the petition “%(title)s”.",
        "We have received packet %(reference)s of %(day)s with %(n)s signatures under the petition “%(title)s”.",
        total,
    )
    words = {
        "reference": apart(manifest.reference),
        "day": _day(manifest.built_at),
        "title": apart(str(delivery.campaign.title)),
    }
    return Receipt(
        title=_("Receipt"),
        said=said % (words | {"n": number(total)}),
        blanks=[_("Received by (name, office)"), _("Date"), _("Registration number"), _("Signature")],
        stamp=_("Stamp"),
        give_back=_("Please return this slip to:"),
    )


def _what_is_handed_over(delivery: Delivery, manifest: Manifest) -> str:
    total = manifest.totals.signatures
    words = {
        "n": number(total), "total": number(manifest.to_date),
        "addressee": apart(str(delivery.campaign.addressee.name)),
    }  # fmt: skip
    if manifest.earlier:
        words |= {"reference": apart(manifest.earlier[-1].reference), "day": _day(manifest.earlier[-1].built_at)}
        if is_third_party(delivery):
            return (
                _(
                    "This packet follows packet %(reference)s of %(day)s. New signatures under the petition to "
                    "%(addressee)s: %(n)s. Signatures to date: %(total)s."
                )
                % words
            )
        return (
            _(
                "This packet follows packet %(reference)s of %(day)s. New signatures under this petition to you: "
                "%(n)s. Signatures to date: %(total)s."
            )
            % words
        )
    if is_third_party(delivery):
        return (
            _("For verification, we entrust to you the signatures under the petition to %(addressee)s: %(n)s.") % words
        )
    signed = ngettext(
        "%(n)s person has signed this petition to you.", "%(n)s people have signed this petition to you.", total
    )
    return signed % words


def _day(iso: str) -> str:
    return day(datetime.date.fromisoformat(iso))


def _facts(manifest: Manifest) -> list[Fact]:
    totals, span, period = manifest.totals, manifest.range, manifest.period
    facts = [Fact(_("Signatures to date"), number(manifest.to_date))] if manifest.earlier else []
    if totals.countries > 1:
        shown = number(totals.countries)
        # In totals those that are public: there may be more, of which too few have signed to be told of.
        facts.append(Fact(_("Countries"), _("at least %s") % shown if manifest.profile == Disclosure.COUNT else shown))
    if period.first:
        first, last = _day(period.first), _day(period.last)
        facts.append(Fact(_("Signed"), first if first == last else f"{first} – {last}"))
    facts.append(Fact(_("Numbers in the register"), f"{number(span.first)} – {number(span.last)}"))
    facts += _versions(manifest)
    if totals.gaps:
        facts.append(Fact(_("Withdrawn or removed before"), number(totals.gaps)))
    if manifest.profile != Disclosure.COUNT:
        facts.append(Fact(_("Listed one by one"), number(totals.listed)))
    if manifest.amendments.withdrawn:
        facts.append(Fact(_("Withdrawn or removed since earlier packets"), number(manifest.amendments.withdrawn)))
    return facts


def _petition_title(manifest: Manifest) -> str:
    """With the version of the text that follows, which is the latest."""
    title = _("The petition as it was signed")
    if not manifest.by_version:
        return title
    latest = manifest.by_version[-1]
    words = {"number": number(latest.number), "day": _day(latest.published_on)}
    return f"{title} · {_('Version %(number)s, of %(day)s') % words}"


def _versions(manifest: Manifest) -> list[Fact]:
    """How many signed which text, where it was corrected meanwhile."""
    if len(manifest.by_version) < 2:
        return []
    told = [
        Fact(
            _("Version %(number)s, of %(day)s") % {"number": number(v.number), "day": _day(v.published_on)},
            number(v.count) if v.count else _("fewer than ten, or none"),
        )
        for v in manifest.by_version
    ]
    return [*told, Fact(_("Not shown under any version"), number(manifest.other_versions))]


def _confidential(delivery: Delivery, manifest: Manifest) -> list[str]:
    until = confidential_until(delivery, datetime.date.fromisoformat(manifest.built_at))
    if until is None:
        return []
    said = _(
        "For the verification of this petition only: please pass this packet on to nobody, and destroy it by %s."
    ) % day(until)  # fmt: skip
    return [f"{_('Confidential')}. {said}"]


def _changes(manifest: Manifest) -> list[str]:
    """What became of the packets before this one, and which numbers are to be struck in them."""
    withdrawn, numbers = manifest.amendments.withdrawn, manifest.amendments.numbers
    said = []
    if withdrawn:
        said.append(
            _(
                "Signatures of earlier packets that were withdrawn or removed since: %s. The total to date is without "
                "them."
            )
            % number(withdrawn)
        )
    if len(numbers) > STRIKES:
        said.append(
            _("Please strike the numbers that amendments.pdf and amendments.csv list: %s in all.")
            % number(len(numbers))
        )
    elif numbers:
        strike = ngettext(
            "Please strike number %(numbers)s in the lists that you have.",
            "Please strike numbers %(numbers)s in the lists that you have.",
            len(numbers),
        )
        # As the lists have them, without a separator of thousands.
        said.append(strike % {"numbers": listing([str(struck) for struck in numbers])})
    return [" ".join(said)] if said else []


def _how_found_out(delivery: Delivery, manifest: Manifest) -> Heading:
    how = [
        _("Each signature was confirmed through a link that was sent to the signer’s own mailbox. Different "
          "spellings of one mailbox count as one, and a mailbox counts for no more persons than the petition "
          "allows. Numbers are given in the order of confirmation, without gaps, and never twice.")
    ]  # fmt: skip
    if manifest.earlier:
        how.append(_("This packet begins where the last one of its series ended."))
    later = [
        _("Whoever withdrew a signature before this packet was sealed is not counted in it. What is withdrawn or "
          "removed later is said in the next packet.")
    ]  # fmt: skip
    if delivery.holds_persons:
        later.append(_("It will also say which numbers are to be struck in this list."))
    return Heading(_("How these signatures were confirmed and counted"), [" ".join(how), " ".join(later)])


def _what_is_withheld(delivery: Delivery, manifest: Manifest) -> list[str]:
    """What is withheld, and why, in sentences."""
    addressee = str(delivery.campaign.addressee.name)
    if manifest.profile == Disclosure.COUNT:
        said = [_("This packet holds totals only. It names nobody.")]
        if delivery.campaign.at_risk:
            said.append(
                _("The signers were promised that nobody would be named to %s.") % addressee
                if is_third_party(delivery)
                else _("The signers were promised that nobody would be named to you.")
            )
    elif manifest.profile == Disclosure.FULL:
        said = [
            _(
                "Only comments that their authors did not agree to show are withheld: this packet is for verification "
                "by a trusted third party, and for nobody else."
            )
        ]
    else:
        said = _what_is_listed(delivery, manifest, addressee)
    return said


def _what_is_listed(delivery: Delivery, manifest: Manifest, addressee: str) -> list[str]:
    listed = manifest.totals.listed
    if is_third_party(delivery):
        words = {"addressee": addressee, "n": number(listed)}
        said = [_("Signers who agreed to be shown to %(addressee)s, and are listed: %(n)s.") % words]
    else:
        agreed = ngettext(
            "%(n)s signer agreed to be shown to you and is listed.",
            "%(n)s signers agreed to be shown to you and are listed.",
            listed,
        )
        said = [agreed % {"n": number(listed)}]
    if listed < manifest.totals.signatures:
        said.append(_("The others are counted only."))
    if listed:
        said.append(
            _("Of each of them you are told the initials and the country; addresses and comments stay with us.")
            if manifest.profile == Disclosure.INITIALS
            else _("Of each of them you are told name, place, country and day; addresses and comments stay with us.")
        )
    return said


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


def _countries_note(delivery: Delivery) -> str:
    if delivery.holds_persons:
        return _("These are the countries of the signers listed.")
    return _(
        "So that no figure can point at one person, a country is given from ten signatures on and in tens. The rest is "
        "put together."
    )


def _countries(delivery: Delivery, manifest: Manifest) -> list[Fact]:
    """In the order of the alphabet, as one looks a country up; the merged rest last. None where nothing is shown."""
    if not manifest.by_country:
        return []
    named = sorted(
        ((country_name(country.code), country.count) for country in manifest.by_country),
        key=lambda entry: sorting_key(entry[0]),
    )
    others = _("Not listed") if delivery.holds_persons else _("All others together")
    rest = [(others, manifest.other)] if manifest.other else []
    return [Fact(name, number(count)) for name, count in [*named, *rest]]


def _checks() -> list[str]:
    address = apart(f"{settings.SITE_URL}/signing-key/")
    return [
        _("Every file of this packet has a checksum in its manifest, and the manifest carries our signature "
          "(Ed25519). The program verify.py checks all of it; it needs Python and nothing else. Please take it from "
          "our web site and not from this packet: whoever forges a packet forges the program in it as well."),
        _("The program asks for the fingerprint of our key. Please use the one on our web site, which must be the "
          "same as below: %s") % address,
    ]  # fmt: skip


def letter_pdf(letter: Letter) -> bytes:
    """The letter, ready to print."""
    logo = letter.logo
    texts = _legible(msgspec.to_builtins(msgspec.structs.replace(letter, logo=None)))
    drawn = {"png": list(logo.png), "width": logo.millimetres[0]} if logo else None
    return typesetting.typeset("letter.typ", texts | {"logo": drawn}, letter.language)


def _legible[T](value: T) -> T:
    """All texts in it as they can be printed."""
    if isinstance(value, str):
        parts = re.split(f"([{_ISOLATED}])", value)
        return "".join(part if part in _ISOLATED else typesetting.legible(part) for part in parts)  # type: ignore[return-value]
    if isinstance(value, list):
        return [_legible(item) for item in value]  # type: ignore[return-value]
    if isinstance(value, dict):
        return {key: _legible(item) for key, item in value.items()}  # type: ignore[return-value]
    return value
