"""What templates/signatures/_form.html is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import get_language

from petitions.models import Campaign
from signatures.mail_providers import SUGGESTED
from signatures.models.published.channels import DIRECT, known_channel
from signatures.sign_form.consent import mailbox_warning, wording
from signatures.sign_form.email_typos import likely_meant
from signatures.sign_form.form import SignForm
from signatures.sign_form.shown_text import current_text, label_of
from web.i18n.languages import DEFAULT

#: The field that says which text was shown.
SHOWN_FIELD: Final = "shown"
#: The field that no person sees (templates/signatures/_form.html). Its name promises a machine something.
TRAP: Final = "subject"


def form_context(found: Campaign, form: SignForm, problem: str = "", via: str = "") -> dict[str, Any]:
    return {
        "campaign": found,
        "form": form,
        "sign_url": reverse("sign", args=[found.slug]),
        "work_url": reverse("work", args=[found.slug]),
        "trap": TRAP,
        "consent": wording(found),
        "mailbox_warning": mailbox_warning(found),
        "providers": " ".join(SUGGESTED),
        "meant": likely_meant(form.data.get("email", "")) if form.is_bound else "",
        "problem": problem,
        "shown": label_of(current_text(found, get_language() or DEFAULT)),
        # From a closed list, so that nothing that anybody made up stands in our page.
        "via": via or channel_of(form.data),
    }


def channel_of(data: Mapping[str, str]) -> str:
    """The channel that the form was sent with; "" for none."""
    channel = known_channel(data.get("via"))
    return "" if channel == DIRECT else channel
