"""The sign form: what a supporter typed, refused in words they can act on or made fit to be sealed.

On the hot path: signing is to keep as much as it can of the throughput of a bare INSERT. So fields are shared
between forms instead of copied, no choices are built to check a country, and text that is plainly printable
(`str.isprintable`, one pass in C) skips the search for what is wrong with it.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NoReturn, Self

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from email_validator import EmailNotValidError, validate_email

from signatures.sign_form.contacts import Contact, contact_in
from web.i18n.characters import DIRECTION_MARKS, JOINERS, MEANT_FORMAT, SEEN_FORMAT, TOO_LONG, unreadable
from web.i18n.cldr import country_name, sorting_key
from web.i18n.languages import known

__all__ = [
    "CONSENT_WORDS",
    "LIMITS",
    "ConfirmForm",
    "CorrectForm",
    "DetailsForm",
    "MailboxForm",
    "SignForm",
    "country_choices",
    "country_code",
    "country_codes",
]

# Characters. No field has a maxlength: browsers cut at it what is pasted, without a word, and send the rest.
LIMITS = {"name": 120, "email": 254, "place": 120, "comment": 500}

# --- what may stand in a text --------------------------------------------------------------------

_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_LINE_ENDS = "\t\n\r\u2028\u2029"
# Letters, marks and symbols to Unicode, and yet nothing to see: grapheme joiner, blank Hangul and Braille,
# selectors of glyph variants.
_BLANK_SIGNS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0" + "".join(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_BLANK = _SPACES + _LINE_ENDS + JOINERS + DIRECTION_MARKS + _BLANK_SIGNS
_KEPT = SEEN_FORMAT | frozenset(JOINERS + DIRECTION_MARKS)
_EDGES = _SPACES + _LINE_ENDS + JOINERS + "\u200b"

_RUN_OF_SPACES = re.compile(f"[{_SPACES}\u2028\u2029]+")
_LINE_BREAK = re.compile("\r\n?|\u2028|\u2029")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Addresses that email-validator takes, and nearly all there are; it looks at each letter, for 0.05 ms.
# The names at the end are no places that mail goes to (its SPECIAL_USE_DOMAIN_NAMES).
_PLAIN_ADDRESS = re.compile(
    r"(?=.{6,254}\Z)(?=[^@]{1,64}@)[a-z0-9_-]+(?:[.+][a-z0-9_-]+)*"
    r"@(?:(?![a-z0-9]{2}--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\Z)[a-z]{2,63}\Z",
    re.ASCII | re.IGNORECASE,
)
# What a Japanese or Chinese keyboard writes for the signs of an address: "ａｎｎａ＠ｅｘａｍｐｌｅ。ｏｒｇ".
_FULL_WIDTH = {sign: sign - 0xFEE0 for sign in range(0xFF01, 0xFF5F)} | dict.fromkeys((0x3002, 0xFF61), ord("."))
# What stands around an address that was copied: spaces, and signs that nobody sees.
_AROUND = _EDGES + "\ufeff\u2060\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SCHEME = re.compile("mailto:", re.IGNORECASE)
# No top-level domain has one letter: the last was lost in copying.
_CUT_SHORT = re.compile(r"\.[a-z]\Z", re.IGNORECASE)
_TAG = re.compile("<[A-Za-z/!?]")
_MOST_MARKS_IN_A_ROW = 6  # the pointed Hebrew Bible needs four, Tibetan five
# A mark is neither a word character nor white space to `re`: finds all runs of marks and a few others, fast.
_MAY_BE_PILED_UP = re.compile(rf"[^\w\s]{{{_MOST_MARKS_IN_A_ROW + 1}}}")

_INCOMPLETE = _("Enter a complete e-mail address, like anna@example.org.")
_MARKUP = _("Use plain text, without HTML tags such as <b>.")
_ANGLES = _("Remove the characters < and >.")
_MARKS = _("One letter has too many accents. Remove some of them.")
_CONTACTS: dict[Contact, Any] = {
    "mailbox": _("Remove the e-mail address."),
    "link": _("Remove the web address."),
    "domain": _("This looks like a web address. Remove it, or put a space after the dot."),
    "number": _("Remove the number."),
}


def _without_unseen(text: str) -> str:
    """Without soft hyphens, byte order marks and the like: nobody typed them and nobody would miss them."""
    if text.isprintable():
        return text
    # Every second part is one that means something where it stands.
    parts = MEANT_FORMAT.split(text)
    parts[::2] = ("".join(c for c in part if c in _KEPT or unicodedata.category(c) != "Cf") for part in parts[::2])
    return "".join(parts)


def _fold_line(text: str) -> str:
    text = _without_unseen(text).strip(_EDGES)
    return _RUN_OF_SPACES.sub(" ", text) if "  " in text or not text.isprintable() else text


def _fold_lines(text: str) -> str:
    return _LINE_BREAK.sub("\n", _without_unseen(text)).strip(_EDGES)


def _piles_up_marks(text: str) -> bool:
    if not _MAY_BE_PILED_UP.search(text):
        return False
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character)[0] == "M" else 0
        if run > _MOST_MARKS_IN_A_ROW:
            return True
    return False


# --- countries -----------------------------------------------------------------------------------


@cache
def country_codes() -> frozenset[str]:
    """The ISO 3166-1 alpha-2 codes one can sign from, as django-countries knows them with our settings."""
    return frozenset(countries.countries)


@cache
def country_choices(lang: str) -> tuple[tuple[str, str], ...]:
    """(code, name in that language) of every country, sorted by name; made once per process and language."""
    choices = [(code, country_name(code, lang)) for code in country_codes()]
    return tuple(sorted(choices, key=lambda choice: sorting_key(choice[1], lang)))


# --- fields --------------------------------------------------------------------------------------


class _SharedField(forms.Field):
    """A field that no form alters, and that all forms therefore share: copying them costs 30 µs a form."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed, to be shown again. A lone surrogate cannot be encoded, and would be a 500."""
        return _SURROGATE.sub("\ufffd", data) if isinstance(data, str) else data

    def refuse_empty(self) -> NoReturn:
        raise ValidationError(self.error_messages["required"], code="required")


class _Line(_SharedField):
    """One line a person typed: NFC, trimmed, each run of white space one space.

    Invisible characters are dropped where they mean nothing, kept where a script needs them (joiners), and
    refused, by their code, where they could deceive.
    """

    holds: Literal["name", "place", "comment"] = "place"

    def __init__(self, *, limit: int, autocomplete: str, widget: type[forms.Widget] = forms.TextInput, **kwargs: Any):
        super().__init__(widget=widget(attrs={"autocomplete": autocomplete, "dir": "auto"}), **kwargs)
        self.limit = limit

    def clean(self, value: Any) -> str:
        """The text fit to be kept, '' if blank. Raises ValidationError naming what to mend."""
        text = self.fold(value) if value else ""
        if self.required and not text.strip(_BLANK):
            self.refuse_empty()
        if not text:
            return ""
        # Before normalising: the cost of that grows with the square of a run of accents.
        if len(text) > self.limit:
            self.refuse_long(text)
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
            if len(text) > self.limit:
                self.refuse_long(text)
        self.refuse_unfit(text)
        return text if text.strip(_BLANK) else ""

    def fold(self, text: str) -> str:
        return _fold_line(text)

    def refuse_long(self, text: str) -> NoReturn:
        raise ValidationError(TOO_LONG, code="too_long", params={"length": len(text), "limit": self.limit})

    def refuse_unfit(self, text: str) -> None:
        if error := unreadable(text):
            raise error
        if "<" in text or ">" in text:
            raise ValidationError(_ANGLES, code="markup")
        self.refuse_contact(text)
        if not text.isascii() and _piles_up_marks(text):
            raise ValidationError(_MARKS, code="marks")

    def refuse_contact(self, text: str) -> None:
        if found := contact_in(text, self.holds):
            raise ValidationError(_CONTACTS[found], code=found)


class _Name(_Line):
    """A person's name: a line with at least one letter in it, of any script."""

    holds = "name"

    def refuse_unfit(self, text: str) -> None:
        super().refuse_unfit(text)
        if not any(c.isalpha() and c not in _BLANK_SIGNS for c in text):
            raise ValidationError(_("Enter your name using letters."), code="no_letter")


class _Paragraph(_Line):
    """A few lines a person typed: as _Line, but spaces stay, and so do tabs and line breaks (as one \\n)."""

    holds = "comment"

    def fold(self, text: str) -> str:
        return _fold_lines(text)

    def refuse_unfit(self, text: str) -> None:
        if error := unreadable(text.translate({9: 32, 10: 32})):
            raise error
        if _TAG.search(text):
            raise ValidationError(_MARKUP, code="markup")
        self.refuse_contact(text)
        if not text.isascii() and _piles_up_marks(text):
            raise ValidationError(_MARKS, code="marks")


class _Mailbox(_Line):
    """An e-mail address, kept as typed but for what is around it (white space, "mailto:", the dot that ends a sentence)
    and for signs in full width.

    Internationalised domains are welcome, so the widget is not type=email: browsers rewrite or refuse them there.
    """

    def fold(self, text: str) -> str:
        if not text.isascii():
            text = text.translate(_FULL_WIDTH)
        text = text.strip(_AROUND)
        if found := _SCHEME.match(text):
            text = text[found.end() :].lstrip(_AROUND)
        return text.rstrip(_AROUND + ".,;:")

    def clean(self, value: Any) -> str:
        """The address as typed, trimmed. Raises ValidationError naming what to mend."""
        text = self.fold(value or "")
        if not _without_unseen(text).strip(_BLANK):
            self.refuse_empty()
        if len(text) > self.limit:
            self.refuse_long(text)
        if error := unreadable(text):
            raise error
        _refuse_undeliverable(text)
        return text


def _refuse_undeliverable(address: str) -> None:
    """What email-validator refuses, told shortly. It never asks the DNS: that would tell others who signs."""
    if _PLAIN_ADDRESS.match(address):
        return
    if "@" not in address:
        message = _("Enter an e-mail address with an @, like anna@example.org.")
        raise ValidationError(message, code="no_at")
    mailbox, _at, domain = address.rpartition("@")
    if "@" not in mailbox and (signs := re.search("[,;]", domain)) and " " not in address:
        message = _("After the @ there is a “%(sign)s” where a dot should be.")
        raise ValidationError(message, code="comma", params={"sign": signs[0]})
    if any(sign in address for sign in "<>,;"):
        message = _("Enter one e-mail address only, without a name or other characters around it.")
        raise ValidationError(message, code="one")
    if any(space in address for space in _SPACES):
        raise ValidationError(_("There is a space in this e-mail address. Remove it."), code="space")
    if not mailbox.isascii():
        # Few mail servers take them yet (RFC 6531), and what we cannot confirm must not be thanked for.
        message = _(
            "We cannot send e-mail to addresses with letters other than a–z before the @. Enter a different address."
        )
        raise ValidationError(message, code="local_part")
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValidationError(_INCOMPLETE, code="address") from error
    if _CUT_SHORT.search(domain):
        raise ValidationError(_INCOMPLETE, code="address")


@cache
def _country_options(lang: str) -> str:
    return str(format_html_join("\n", '<option value="{}">{}</option>', country_choices(lang)))


class _CountrySelect(forms.Select):
    """Some 250 options that are written once a language: as a template they cost 9 ms of processor each time, half of
    what a signature costs all the way."""

    lang = "en"

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        code, options = str(value or ""), _country_options(self.lang)
        unselected = format_html('<option value="{}">', code)
        if code and unselected in options:
            options = options.replace(unselected, f"{unselected[:-1]} selected>", 1)
        return format_html(
            '<select name="{}"{}>\n<option value=""{}>{}</option>\n{}\n</select>',
            name,
            flatatt(self.build_attrs(self.attrs, attrs)),
            "" if code else mark_safe(" selected"),
            _("Choose…"),
            mark_safe(options),  # noqa: S308 - escaped when they were written
        )


class _CountryBoundField(BoundField):
    """Names the countries in the form's language, which a shared widget cannot know."""

    form: "SignForm"

    def as_widget(self, widget: Any = None, attrs: Any = None, only_initial: bool = False) -> Any:
        if widget is None:
            # One choice that is blank: what makes a select "required" to HTML, and so to Django.
            widget = _CountrySelect(attrs=self.field.widget.attrs, choices=[("", "")])
            widget.lang, widget.is_required = self.form.lang, self.field.required
        return super().as_widget(widget, attrs, only_initial)


class _Country(_SharedField):
    """An ISO 3166-1 alpha-2 code, in either case."""

    def __init__(self, **kwargs: Any):
        super().__init__(widget=forms.Select(attrs={"autocomplete": "country", "dir": "auto"}), **kwargs)

    def clean(self, value: Any) -> str:
        text = value or ""
        code = country_code(text)
        if code in country_codes():
            return code
        if not _without_unseen(text).strip(_BLANK):
            self.refuse_empty()
        raise ValidationError(_("Choose a country from the list."), code="not_a_country")

    def bound_data(self, data: Any, initial: Any) -> Any:
        text = super().bound_data(data, initial)
        code = country_code(text or "")
        return code if code in country_codes() else text

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        return _CountryBoundField(form, self, field_name)


def country_code(text: str) -> str:
    """What was typed for a country, as a code is written; whether there is such a country is not asked."""
    # ASCII only: "ß".upper() would make a code of one letter.
    return text.strip(_SPACES + _LINE_ENDS).upper() if text.isascii() else ""


CONSENT_WORDS = frozenset({"on", "true", "yes", "1"})


class _ConsentBox(forms.CheckboxInput):
    """Consent is what says so: share_name=0 or =no from a script is not a yes, as it would be to Django."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return _says_yes(data.get(name))


def _says_yes(text: str | None) -> bool:
    return text is not None and text.strip().lower() in CONSENT_WORDS


class _Consent(_SharedField):
    """A box that was ticked, or was not."""

    def __init__(self, **kwargs: Any):
        super().__init__(required=False, widget=_ConsentBox(), **kwargs)

    def clean(self, value: Any) -> bool:
        """`value` is what the widget made of it, or what was sent."""
        return value if isinstance(value, bool) else _says_yes(value)


# --- the form ------------------------------------------------------------------------------------


class SignForm(forms.Form):
    """What one needs to sign. Comment and consents are asked of the mailbox's owner: `ConfirmForm`.

    `cleaned_data`: name, email, country, place (str). Unbound, it renders alike for everyone who reads the same
    language. A field's errors render as a list with the id `id_<field>_error`, which the widget's aria-describedby
    names. Never raises, whatever was typed.
    """

    name = _Name(
        label=_("Your name"),
        limit=LIMITS["name"],
        autocomplete="name",
        error_messages={"required": _("Enter your name.")},
    )
    email = _Mailbox(
        label=_("Your e-mail address"),
        limit=LIMITS["email"],
        autocomplete="email",
        error_messages={"required": _("Enter your e-mail address.")},
    )
    country = _Country(
        label=_("Country"),
        error_messages={"required": _("Choose your country.")},
    )
    place = _Line(
        label=_("Town or region"),
        limit=LIMITS["place"],
        autocomplete="address-level2",
        required=False,
    )

    email.widget.attrs.update(inputmode="email", autocapitalize="off", spellcheck="false")

    def __init__(self, data: Mapping[str, Any] | None = None, *, lang: str = "en") -> None:
        self.lang = known(lang)
        super().__init__(data)

    @classmethod
    def cleaned(cls, typed: Mapping[str, str]) -> dict[str, Any] | None:
        """What `cleaned_data` would be, asked of the same fields; None where one of them refuses.

        A seventh of the time: most of what a form does is for showing it again.
        """
        try:
            return {name: field.clean(typed.get(name)) for name, field in cls.base_fields.items()}
        except ValidationError:
            return None


class ConfirmForm(forms.Form):
    """What the mailbox's owner may add when confirming. As `SignForm`, it never raises.

    `cleaned_data`: comment (str), share_name, share_comment, updates (bool).
    """

    comment = _Paragraph(
        label=_("Why are you signing?"),
        limit=LIMITS["comment"],
        autocomplete="off",
        widget=forms.Textarea,
        required=False,
    )
    share_name = _Consent(label=_("My name may be shown to the addressee"))
    share_comment = _Consent(label=_("My comment may be shown to the people who check the signatures"))
    updates = _Consent(label=_("E-mail me news about this petition"))

    comment.widget.attrs.update(cols=40, rows=4)


class DetailsForm(SignForm):
    """Name, country and place once more, for an owner whose mailbox somebody else signed with. `cleaned_data`: these
    three."""

    email = None  # type: ignore[assignment]
    # It stands folded up, and a browser cannot ask for a field that is not shown.
    use_required_attribute = False


class MailboxForm(SignForm):
    """Whose page somebody asks for at /my-signatures/. `cleaned_data`: email."""

    name = country = place = None  # type: ignore[assignment]


class CorrectForm(SignForm):
    """Name and place of a signature that is there, for its owner to correct. `cleaned_data`: name, place."""

    email = country = None  # type: ignore[assignment]
    use_required_attribute = False
