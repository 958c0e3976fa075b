"""What the database refuses, told in words beside what was typed."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from signatures.desk.corrections import SIGNED_TEXT_IS_FIXED
from signatures.desk.disclosure import ONLY_NARROWER
from staff.refusals import NotAllowed, violated_constraint

KEYS_ARE_BEING_MADE: Final = _("Encryption keys are still being created. Try again in a moment.")

NARROWED_BY_TWO: Final = _(
    "People have already signed. Reducing disclosure takes two people: send a request under Approvals."
)

#: What the database's guards refuse (config/database/*.sql), in words. Forms say it earlier where web can know.
GUARDS: Final[dict[str, str | Promise]] = {
    "campaign_opens_with_keys": KEYS_ARE_BEING_MADE,
    "campaign_disclosure_only_narrows": ONLY_NARROWER,
    "disclosure_needs_two_people": NARROWED_BY_TWO,
    "signed_text_is_fixed": SIGNED_TEXT_IS_FIXED,
    "campaign_shredded_stays_closed": _("Its keys have been destroyed, so it cannot reopen."),
}


class RefusableForm(forms.ModelForm):
    """Shows, above the fields and with what was typed, why the database refused the last try."""

    refusal = ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.refusal:
            self.add_error(None, self.refusal)
        return cleaned


class ExplainsRefusals(ModelAdmin):
    """Forms look before they save; where somebody was faster, the database refuses. Say that in words too."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except NotAllowed as error:
            refusal = str(error)
        except IntegrityError as error:
            if (guard := violated_constraint(error)) not in GUARDS:
                raise
            refusal = str(GUARDS[guard])
        # All was rolled back. The form once more, with what was typed; it fails with this reason.
        request.refusal = refusal  # type: ignore[attr-defined]
        return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> type[forms.ModelForm]:
        form: type[forms.ModelForm] = super().get_form(request, *args, **kwargs)  # a class for this request alone
        form.refusal = getattr(request, "refusal", "")  # type: ignore[attr-defined]
        return form
