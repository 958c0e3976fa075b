"""The admin's page on which somebody writes a correction of what people signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db import models
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from petitions.models import Campaign
from signatures.desk.corrections import LONGEST_REASON, Text, propose_correction, texts_of
from staff.models import Proposal
from staff.refusals import NotAllowed
from web.i18n.languages import BY_CODE
from web.i18n.text import check_text


class CorrectionForm(forms.Form):
    """Each text as it is, to be written anew; what stays as it is, is not touched."""

    reason = forms.CharField(
        label=_("Reason"), max_length=LONGEST_REASON, validators=[check_text],
        widget=UnfoldAdminTextareaWidget({"rows": 3, "dir": "auto"}),
        help_text=_("Public: readers see it beside the new version, and it is sent to everyone who asked for news."),
    )  # fmt: skip

    def __init__(self, campaign: Campaign, by: User, data: Any = None) -> None:
        super().__init__(data)
        self.fields["reason"].widget.attrs.pop("maxlength", None)
        self.campaign, self.by = campaign, by
        self.texts = list(texts_of(campaign))
        for text in self.texts:
            self.fields[text.key] = _box(text)

    def languages(self) -> Iterator[dict[str, Any]]:
        """The boxes of each language, the original first; which language has none of its own yet."""
        codes = dict.fromkeys([self.campaign.language, *(text.language for text in self.texts)])
        for code in codes:
            mine = [text for text in self.texts if text.language == code]
            boxes = [self[text.key] for text in mine]
            touched = any(box.errors or box.data not in (None, text.now) for box, text in zip(boxes, mine, strict=True))
            yield {"language": BY_CODE[code], "boxes": boxes, "open": code == self.campaign.language or touched}

    def ask(self) -> Proposal | None:
        """The request, of a valid form; None where it is refused, and the form says why."""
        new = {text.key: self.cleaned_data[text.key] for text in self.texts}
        try:
            return propose_correction(self.campaign, new, self.by, self.cleaned_data["reason"])
        except NotAllowed as refusal:
            self.add_error(None, str(refusal))
            return None


def _box(text: Text) -> forms.CharField:
    field: Any = text.row._meta.get_field(text.field)
    attrs = {"lang": text.language, "dir": "auto"}
    long = isinstance(field, models.TextField)
    widget = UnfoldAdminTextareaWidget(attrs | {"rows": 3}) if long else UnfoldAdminTextInputWidget(attrs)
    box = forms.CharField(
        label=text.label.capitalize(),
        initial=text.now,
        required=bool(text.now),  # a correction takes no text away
        max_length=field.max_length,
        validators=field.default_validators,
        widget=widget,
    )
    box.widget.attrs.pop("maxlength", None)
    return box
