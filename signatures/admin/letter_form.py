"""The words that officers write between the fixed parts of a packet's letter."""

from __future__ import annotations

import datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from signatures.models import Delivery, LetterTexts, LetterWords, read_letter, write_letter
from web.i18n.languages import BY_CODE

#: Characters; three pages of them.
LONGEST: Final = 6000
#: An answer that is asked for later than that is none.
LATEST: Final = datetime.timedelta(days=730)


class LetterForm(forms.Form):
    """Of one delivery: what is said in every language once, then each of the letter's languages."""

    answer_by = forms.DateField(
        label=_("Answer by"), required=False, help_text=_("Empty: thirty days after the packet is built."),
        widget=UnfoldAdminTextInputWidget({"type": "date"}),
    )  # fmt: skip
    reply_to = forms.CharField(
        label=_("Reply address"), required=False, max_length=400, widget=UnfoldAdminTextareaWidget({"rows": 4}),
        help_text=_("Empty: the organisation, its section’s postal address and the contact e-mail."),
    )  # fmt: skip
    name = forms.CharField(
        label=_("Name of who signs"), required=False, max_length=120, widget=UnfoldAdminTextInputWidget
    )
    office = forms.CharField(label=_("Office"), required=False, max_length=120, widget=UnfoldAdminTextInputWidget)

    def __init__(self, delivery: Delivery, data: Any = None) -> None:
        before = read_letter(delivery.letter)
        initial = {name: getattr(before, name) for name in ("answer_by", "reply_to", "name", "office")}
        super().__init__(data, initial=initial)
        self.languages = delivery.letter_languages
        for language in self.languages:
            self._add_texts(language, before.texts.get(language, LetterTexts()))

    def _add_texts(self, language: str, before: LetterTexts) -> None:
        name = BY_CODE[language].name
        with translation.override(language):
            usual = {"salutation": gettext("Dear Sir or Madam,"), "closing": gettext("Yours faithfully,")}
        attrs = {"lang": language, "dir": "auto"}
        self.fields[f"salutation_{language}"] = forms.CharField(
            label=_("Salutation (%s)") % name, required=False, max_length=200, initial=before.salutation,
            widget=UnfoldAdminTextInputWidget(attrs | {"placeholder": usual["salutation"]}),
        )  # fmt: skip
        self.fields[f"words_{language}"] = forms.CharField(
            label=_("Your words (%s)") % name, required=False, max_length=LONGEST, initial=before.words,
            widget=UnfoldAdminTextareaWidget(attrs | {"rows": 8}),
            help_text=_("Below the figures. An empty line begins a new paragraph."),
        )  # fmt: skip
        self.fields[f"closing_{language}"] = forms.CharField(
            label=_("Closing (%s)") % name, required=False, max_length=200, initial=before.closing,
            widget=UnfoldAdminTextInputWidget(attrs | {"placeholder": usual["closing"]}),
        )  # fmt: skip

    def clean_answer_by(self) -> datetime.date | None:
        until: datetime.date | None = self.cleaned_data["answer_by"]
        today = timezone.now().date()
        if until and not today < until <= today + LATEST:
            raise ValidationError(_("Choose a day within the next two years."))
        return until

    def written(self) -> str:
        """What was typed, as `Delivery.letter` keeps it."""
        said = self.cleaned_data
        texts = {
            language: LetterTexts(*(said[f"{part}_{language}"] for part in ("salutation", "words", "closing")))
            for language in self.languages
        }
        return write_letter(LetterWords(said["answer_by"], said["reply_to"], said["name"], said["office"], texts))
